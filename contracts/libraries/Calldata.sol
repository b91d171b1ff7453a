// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Reads packed calldata at absolute positions, without a bounds check at every step: check the length once,
/// before. What lies beyond the end of calldata reads as zero.
library Calldata {
    /// @notice Where `data` begins.
    function start(bytes calldata data) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := data.offset
        }
    }

    /// @notice `length` bytes from `at` on.
    // slither-disable-next-line write-after-write: offset and length are two variables
    function slice(uint256 at, uint256 length) internal pure returns (bytes calldata part) {
        assembly ("memory-safe") {
            part.offset := at
            part.length := length
        }
    }

    /// @notice The 32 bytes at `at`.
    function word(uint256 at) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(at)
        }
    }

    /// @notice The account in the 20 bytes at `at`.
    function account(uint256 at) internal pure returns (address) {
        return address(uint160(uint256(word(at)) >> 96));
    }

    /// @notice The five bytes at `at`, big-endian.
    function u40(uint256 at) internal pure returns (uint256) {
        return uint256(word(at)) >> 216;
    }

    /// @notice The two bytes at `at`, big-endian.
    function u16(uint256 at) internal pure returns (uint256) {
        return uint256(word(at)) >> 240;
    }

    /// @notice The three bytes at `at`, big-endian.
    function u24(uint256 at) internal pure returns (uint256) {
        return uint256(word(at)) >> 232;
    }
}
