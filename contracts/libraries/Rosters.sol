// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A roster is the frozen member list of a pool, kept as contract code: one read tells any member.
/// @dev Code: STOP, then 20 bytes a member. Roster k is the k-th contract that Membership creates, so its address
/// follows from its number.
library Rosters {
    /// @notice Deploys a roster of `members`; the caller's creation nonce becomes its number.
    function write(address[] storage members) internal returns (address roster) {
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

    /// @notice Address of roster `number` of the `membership` contract (CREATE, RLP of sender and nonce).
    function addressOf(address membership, uint256 number) internal pure returns (address) {
        bytes memory rlp;
        if (number < 0x80) rlp = abi.encodePacked(hex"d694", membership, uint8(number));
        else if (number < 0x100) rlp = abi.encodePacked(hex"d794", membership, hex"81", uint8(number));
        else if (number < 0x10000) rlp = abi.encodePacked(hex"d894", membership, hex"82", uint16(number));
        else if (number < 0x1000000) rlp = abi.encodePacked(hex"d994", membership, hex"83", uint24(number));
        else rlp = abi.encodePacked(hex"da94", membership, hex"84", uint32(number));
        return address(uint160(uint256(keccak256(rlp))));
    }

    /// @notice Member at `seat`, or the zero address beyond the last.
    function memberAt(address roster, uint256 seat) internal view returns (address member) {
        assembly ("memory-safe") {
            mstore(0, 0)
            extcodecopy(roster, 12, add(1, mul(seat, 20)), 20)
            member := mload(0)
        }
    }

    /// @notice All `size` members of a roster in one read; memberIn picks them.
    function load(address roster, uint256 size) internal view returns (bytes memory members) {
        members = new bytes(20 * size);
        assembly ("memory-safe") {
            extcodecopy(roster, add(members, 32), 1, mload(members))
        }
    }

    /// @notice Member at `seat` < size of a loaded roster.
    function memberIn(bytes memory members, uint256 seat) internal pure returns (address member) {
        assembly ("memory-safe") {
            member := shr(96, mload(add(add(members, 32), mul(seat, 20))))
        }
    }
}
