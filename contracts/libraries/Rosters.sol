// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Buffers} from "./Buffers.sol";

/// @notice A roster is a frozen list of members (a pool's, a run's nodes), kept as contract code: one read tells any member.
/// @dev Code: STOP, then 20 bytes a member. Roster k is the k-th contract that its contract creates, so its address
/// follows from its number.
library Rosters {
    /// @notice Deploys a roster of `members`; the caller's creation nonce becomes its number.
    function write(address[] memory members) internal returns (address roster) {
        uint256 size = members.length;
        bytes memory code = new bytes(13 + 20 * size);
        uint256 length = 1 + 20 * size;
        assembly ("memory-safe") {
            // PUSH2 length DUP1 PUSH1 12 PUSH1 0 CODECOPY PUSH1 0 RETURN | STOP
            let init := or(0x61000080600c6000396000f300, shl(80, length))
            mstore(add(code, 32), shl(152, init))
        }
        for (uint256 i = 0; i < size; ++i) {
            address member = members[i];
            assembly ("memory-safe") {
                let at := add(add(code, 45), mul(20, i))
                mstore(at, or(shl(96, member), shr(160, mload(add(at, 20)))))
            }
        }
        assembly ("memory-safe") {
            roster := create(0, add(code, 32), mload(code))
        }
    }

    /// @notice Address of roster `number` that `creator` wrote (CREATE, RLP of sender and nonce).
    function addressOf(address creator, uint256 number) internal pure returns (address) {
        uint256 nonce = number;
        bytes32 hash;
        assembly ("memory-safe") {
            let more := 0 // bytes of a nonce beyond one byte's own range, after a byte that tells how many
            if gt(nonce, 0x7f) {
                more := add(add(1, gt(nonce, 0xff)), add(gt(nonce, 0xffff), gt(nonce, 0xffffff)))
                nonce := or(shl(shl(3, more), add(0x80, more)), nonce)
            }
            // list of 0x94 and the 20 bytes, and the nonce; at the end of the word
            let head := or(shl(168, add(0xd6, more)), or(shl(160, 0x94), shr(96, shl(96, creator))))
            mstore(0, or(shl(shl(3, add(1, more)), head), nonce))
            hash := keccak256(sub(9, more), add(23, more))
        }
        return address(uint160(uint256(hash)));
    }

    /// @notice Member at `seat`, or the zero address beyond the last.
    function memberAt(address roster, uint256 seat) internal view returns (address member) {
        assembly ("memory-safe") {
            mstore(0, 0)
            extcodecopy(roster, 12, add(1, mul(seat, 20)), 20)
            member := mload(0)
        }
    }

    /// @notice Copies all `size` members of a roster to memory in one read; memberIn picks them.
    /// @return members where they begin: 20 bytes each
    function load(address roster, uint256 size) internal view returns (uint256 members) {
        unchecked {
            members = Buffers.start(Buffers.allocate(20 * size)); // at most Bounds.MAX_POOL members
        }
        assembly ("memory-safe") {
            extcodecopy(roster, members, 1, mul(size, 20))
        }
    }

    /// @notice Member at `seat` < size of a loaded roster.
    function memberIn(uint256 members, uint256 seat) internal pure returns (address member) {
        assembly ("memory-safe") {
            member := shr(96, mload(add(members, mul(seat, 20))))
        }
    }
}
