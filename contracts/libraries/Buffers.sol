// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Byte strings in memory that are filled from the front, by a pointer, and cut to length in the end.
library Buffers {
    /// @notice Room for `size` bytes, not cleared.
    function allocate(uint256 size) internal pure returns (bytes memory buffer) {
        assembly ("memory-safe") {
            buffer := mload(0x40)
            mstore(buffer, size)
            mstore(0x40, and(add(add(buffer, size), 63), not(31)))
        }
    }

    /// @notice Where the content begins.
    function start(bytes memory buffer) internal pure returns (uint256 to) {
        assembly ("memory-safe") {
            to := add(buffer, 32)
        }
    }

    /// @notice Cuts the content off before `to`.
    function endAt(bytes memory buffer, uint256 to) internal pure {
        assembly ("memory-safe") {
            mstore(buffer, sub(sub(to, buffer), 32))
        }
    }
}
