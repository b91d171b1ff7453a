// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Second stored word of a task. While ballots come in: a hash chain over the roots of their batches (top
/// bit cleared). Once settled: the outcome.
///
/// bits   0-95   contributorWei  owed to each contributor whose model is in `models`
/// bits  96-191  verifierWei     owed to each verifier who opened a ballot (lapsed: who stood ready)
/// bits 192-212  models          one bit a model: accepted (lapsed: not struck)
/// bit  213      lapsed
/// bit  214      closed          the initiator took what is left
/// bits 215-235  paid            one bit a model: its contributor took the share
/// bit  255      settled
type LateWord is uint256;

using LateWords for LateWord global;

library LateWords {
    uint256 private constant LAPSED = 1 << 213;
    uint256 private constant CLOSED = 1 << 214;
    uint256 private constant PAID_AT = 215;
    uint256 private constant SETTLED = 1 << 255;

    /// @notice Set at the draw, so that the first batch does not pay for a new slot.
    LateWord internal constant NO_BATCH = LateWord.wrap(1);

    /// @notice The chain after one more batch.
    function withBatch(LateWord self, bytes32 root) internal pure returns (LateWord) {
        uint256 hash;
        assembly ("memory-safe") {
            mstore(0, self)
            mstore(32, root)
            hash := keccak256(0, 64) // abi.encode(self, root), in scratch space
        }
        return LateWord.wrap(hash & ~SETTLED);
    }

    function outcome(
        uint256 contributorWei_,
        uint256 verifierWei_,
        uint256 models,
        bool lapsed_
    ) internal pure returns (LateWord) {
        return
            LateWord.wrap(
                contributorWei_ | (verifierWei_ << 96) | (models << 192) | (lapsed_ ? LAPSED : 0) | SETTLED
            );
    }

    function settled(LateWord self) internal pure returns (bool) {
        return LateWord.unwrap(self) & SETTLED != 0;
    }

    function contributorWei(LateWord self) internal pure returns (uint256) {
        return uint96(LateWord.unwrap(self));
    }

    function verifierWei(LateWord self) internal pure returns (uint256) {
        return uint96(LateWord.unwrap(self) >> 96);
    }

    function pays(LateWord self, uint256 model) internal pure returns (bool) {
        return LateWord.unwrap(self) & (1 << (192 + model)) != 0;
    }

    function lapsed(LateWord self) internal pure returns (bool) {
        return LateWord.unwrap(self) & LAPSED != 0;
    }

    function closed(LateWord self) internal pure returns (bool) {
        return LateWord.unwrap(self) & CLOSED != 0;
    }

    function asClosed(LateWord self) internal pure returns (LateWord) {
        return LateWord.wrap(LateWord.unwrap(self) | CLOSED);
    }

    /// @notice The initiator refused what is left, and is still owed it.
    function asUnclosed(LateWord self) internal pure returns (LateWord) {
        return LateWord.wrap(LateWord.unwrap(self) & ~CLOSED);
    }

    /// @notice Whether the model's contributor is owed its share.
    function owes(LateWord self, uint256 model) internal pure returns (bool) {
        return pays(self, model) && LateWord.unwrap(self) & (1 << (PAID_AT + model)) == 0;
    }

    function withPaid(LateWord self, uint256 model) internal pure returns (LateWord) {
        return LateWord.wrap(LateWord.unwrap(self) | (1 << (PAID_AT + model)));
    }

    /// @notice The model's contributor refused its share, and is still owed it.
    function withUnpaid(LateWord self, uint256 model) internal pure returns (LateWord) {
        return LateWord.wrap(LateWord.unwrap(self) & ~(1 << (PAID_AT + model)));
    }
}
