// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Reads packed calldata without a bounds check at every step: check the length once, before.
library Calldata {
    /// @notice The 32 bytes at `at`; what lies beyond the end of calldata reads as zero.
    function word(bytes calldata data, uint256 at) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(add(data.offset, at))
        }
    }

    /// @notice `length` bytes from `at` on.
    function slice(bytes calldata data, uint256 at, uint256 length) internal pure returns (bytes calldata part) {
        // slither-disable-next-line write-after-write: offset and length are two variables
        assembly ("memory-safe") {
            part.offset := add(data.offset, at)
            part.length := length
        }
    }

    /// @notice The two bytes at `at`, big-endian.
    function u16(bytes calldata data, uint256 at) internal pure returns (uint256) {
        return uint256(word(data, at)) >> 240;
    }

    /// @notice The three bytes at `at`, big-endian.
    function u24(bytes calldata data, uint256 at) internal pure returns (uint256) {
        return uint256(word(data, at)) >> 232;
    }
}
