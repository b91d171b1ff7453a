// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PoolId, PoolKey} from "../types/PoolId.sol";

/// @title Pools of verifiers
/// @notice Verifiers join a pool once and serve every task that names it. A draw takes the pool as a roster: its
/// member list frozen as contract code. Joining and leaving count from the next draw on.
interface IMembership {
    event Joined(PoolId indexed pool, address indexed member);
    event Left(PoolId indexed pool, address indexed member);
    event RosterPublished(PoolId indexed pool, uint256 indexed roster, uint256 size);

    error AlreadyMember(PoolId pool, address member);
    error NotMember(PoolId pool, address member);
    error NotOnList(address account, bytes32 list);
    error PoolFull(PoolId pool, uint256 max);
    error PoolEmpty(PoolId pool);
    error RosterFailed(PoolId pool);

    /// @notice Takes a seat in the pool of `key` for the sender.
    /// @param proof Merkle proof that the sender stands on the key's allow-list; empty for open pools.
    function join(PoolKey calldata key, bytes32[] calldata proof) external returns (PoolId pool);

    /// @notice Gives up the sender's seat.
    function leave(PoolId pool) external;

    /// @notice Freezes the pool's members as a roster, unless the last one still holds. Anyone may call.
    /// @return roster its number, 1 for the first that this contract ever published
    /// @return size members in it
    function publish(PoolId pool) external returns (uint256 roster, uint256 size);

    /// @notice Whether `account` has a seat now.
    function isMember(PoolId pool, address account) external view returns (bool);

    /// @notice Members of the pool now.
    function sizeOf(PoolId pool) external view returns (uint256);

    /// @notice Member at `seat` of a published roster, zero beyond its last.
    function memberAt(uint256 roster, uint256 seat) external view returns (address);

    /// @notice Number and size of the pool's last roster, and whether it still equals the pool.
    function lastRoster(PoolId pool) external view returns (uint256 roster, uint256 size, bool current);
}
