// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IMembership} from "./interfaces/IMembership.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Rosters} from "./libraries/Rosters.sol";
import {PoolId, PoolIds, PoolKey} from "./types/PoolId.sol";

/// @title Who may verify: open and listed pools
contract Membership is IMembership {
    using PoolIds for PoolKey;

    struct Pool {
        uint32 roster; // number of the last one published
        uint16 rosterSize;
        bool changed; // since then
        address[] members; // in seat order; the last member moves into a seat given up
        mapping(address member => uint256) seatPlusOne;
    }

    mapping(PoolId pool => Pool) private _pools;
    uint32 private _rosters; // created so far, equal to this contract's creation nonce less one

    /// @inheritdoc IMembership
    function join(PoolKey calldata key, bytes32[] calldata proof) external returns (PoolId pool) {
        pool = key.toId();
        Pool storage p = _pools[pool];
        if (p.seatPlusOne[msg.sender] != 0) revert AlreadyMember(pool, msg.sender);
        if (p.members.length >= Bounds.MAX_POOL) revert PoolFull(pool, Bounds.MAX_POOL);
        if (key.allowList != 0) {
            bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(msg.sender))));
            if (!MerkleProof.verifyCalldata(proof, key.allowList, leaf)) revert NotOnList(msg.sender, key.allowList);
        }
        p.members.push(msg.sender);
        p.seatPlusOne[msg.sender] = p.members.length;
        p.changed = true;
        emit Joined(pool, msg.sender);
    }

    /// @inheritdoc IMembership
    function leave(PoolId pool) external {
        Pool storage p = _pools[pool];
        uint256 seatPlusOne = p.seatPlusOne[msg.sender];
        if (seatPlusOne == 0) revert NotMember(pool, msg.sender);
        address last = p.members[p.members.length - 1];
        p.members[seatPlusOne - 1] = last;
        p.seatPlusOne[last] = seatPlusOne;
        p.members.pop();
        delete p.seatPlusOne[msg.sender];
        p.changed = true;
        emit Left(pool, msg.sender);
    }

    /// @inheritdoc IMembership
    function publish(PoolId pool) external returns (uint256 roster, uint256 size) {
        Pool storage p = _pools[pool];
        if (p.roster != 0 && !p.changed) return (p.roster, p.rosterSize);
        size = p.members.length;
        if (size == 0) revert PoolEmpty(pool);
        roster = ++_rosters;
        // casts: a pool has at most MAX_POOL members, and rosters cost too much gas to pass 2^32
        (p.roster, p.rosterSize, p.changed) = (uint32(roster), uint16(size), false);
        if (Rosters.write(p.members) != Rosters.addressOf(address(this), roster)) revert RosterFailed(pool);
        emit RosterPublished(pool, roster, size);
    }

    /// @inheritdoc IMembership
    function isMember(PoolId pool, address account) external view returns (bool) {
        return _pools[pool].seatPlusOne[account] != 0;
    }

    /// @inheritdoc IMembership
    function sizeOf(PoolId pool) external view returns (uint256) {
        return _pools[pool].members.length;
    }

    /// @inheritdoc IMembership
    function memberAt(uint256 roster, uint256 seat) external view returns (address) {
        return Rosters.memberAt(Rosters.addressOf(address(this), roster), seat);
    }

    /// @inheritdoc IMembership
    function lastRoster(PoolId pool) external view returns (uint256 roster, uint256 size, bool current) {
        Pool storage p = _pools[pool];
        return (p.roster, p.rosterSize, p.roster != 0 && !p.changed);
    }
}
