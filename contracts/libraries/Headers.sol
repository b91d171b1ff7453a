// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Calldata} from "./Calldata.sol";
import {RunId} from "../types/RunId.sol";

/// @notice Reads the 224 bytes of a ledger entry's header (docs/formats.md). Check the length once, before.
library Headers {
    uint256 internal constant SIZE = 224; // bytes
    uint256 internal constant EPOCH = 1; // kind of an entry that holds newly trained weights

    function id(bytes calldata header) internal pure returns (bytes32) {
        return sha256(header);
    }

    function run(bytes calldata header) internal pure returns (RunId) {
        return RunId.wrap(_word(header, 0));
    }

    function parent(bytes calldata header) internal pure returns (bytes32) {
        return _word(header, 32);
    }

    function base(bytes calldata header) internal pure returns (bytes32) {
        return _word(header, 64);
    }

    /// @notice Root over the ids of all entries before, as PlacedTree makes it.
    function history(bytes calldata header) internal pure returns (bytes32) {
        return _word(header, 96);
    }

    function height(bytes calldata header) internal pure returns (uint256) {
        return uint256(_word(header, 192)) >> 208;
    }

    function accuracyPpm(bytes calldata header) internal pure returns (uint256) {
        return uint24(uint256(_word(header, 192)) >> 72);
    }

    function kind(bytes calldata header) internal pure returns (uint256) {
        return uint8(uint256(_word(header, 192)) >> 64);
    }

    function _word(bytes calldata header, uint256 at) private pure returns (bytes32) {
        unchecked {
            return Calldata.word(Calldata.start(header) + at);
        }
    }
}
