// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice One contributor's model in one task, one word: sealed first, then opened in place.
///
/// bits   0-7    state           1 sealed, 2 opened, 3 struck as a copy
/// bits   8-15   index           of the opened model
/// bits  16-55   sealedBlock     who was first decides which of two equal models is the copy
/// bits  56-255  digest          of the seal while sealed, of the weights (SHA-256) once opened; top 200 bits
type Submission is uint256;

using SubmissionWords for Submission global;

library SubmissionWords {
    uint256 internal constant SEALED = 1;
    uint256 internal constant OPENED = 2;
    uint256 internal constant STRUCK = 3;

    function sealedAs(bytes32 seal, uint256 blockNumber) internal pure returns (Submission) {
        return Submission.wrap(((uint256(seal) >> 56) << 56) | (blockNumber << 16) | SEALED);
    }

    function openedAs(Submission self, bytes32 weights, uint256 index_) internal pure returns (Submission) {
        return
            Submission.wrap(
                ((uint256(weights) >> 56) << 56) | (sealedBlock(self) << 16) | (index_ << 8) | OPENED
            );
    }

    function struck(Submission self) internal pure returns (Submission) {
        return Submission.wrap((Submission.unwrap(self) & ~uint256(0xff)) | STRUCK);
    }

    /// @notice Whether a model was opened and is no copy.
    function stands(Submission self) internal pure returns (bool) {
        return state(self) == OPENED;
    }

    function exists(Submission self) internal pure returns (bool) {
        return Submission.unwrap(self) != 0;
    }

    function state(Submission self) internal pure returns (uint256) {
        return uint8(Submission.unwrap(self));
    }

    function index(Submission self) internal pure returns (uint256) {
        return uint8(Submission.unwrap(self) >> 8);
    }

    function sealedBlock(Submission self) internal pure returns (uint256) {
        return uint40(Submission.unwrap(self) >> 16);
    }

    function digest(Submission self) internal pure returns (uint256) {
        return Submission.unwrap(self) >> 56;
    }

    function holds(Submission self, bytes32 hash) internal pure returns (bool) {
        return digest(self) == uint256(hash) >> 56;
    }
}
