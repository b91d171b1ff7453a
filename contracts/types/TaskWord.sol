// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DrawWord} from "./DrawWord.sol";

/// @notice The stored word of a task until its shards are shown: windows, count of opened models, fixed draw. Then
/// a DrawWord takes its place; the top bit tells.
///
/// bits   0-39   opensAt         when submissions begin, seconds
/// bits  40-63   submitSeconds
/// bits  64-87   openSeconds
/// bits  88-111  drawSeconds
/// bits 112-119  cap
/// bits 120-127  models          opened so far
/// bits 128-167  drawBlock       block whose hash seeds the draw, 0: not fixed yet
/// bits 168-183  poolSize        members in the roster, as drawn
/// bits 184-215  roster          number of the roster, as drawn
/// bits 216-223  flags           1 opened, 2 cancelled, 4 contributors are listed
/// bits 224-254  contributors    one bit per opened contributor (address mod 31): a quick "certainly not one"
/// bit  255      0
type TaskWord is uint256;

using TaskWords for TaskWord global;

library TaskWords {
    uint256 private constant CANCELLED = 2 << 216;
    uint256 private constant LISTED = 4 << 216;
    uint256 private constant DRAWN = 1 << 255;
    uint256 private constant ONE_MODEL = 1 << 120;

    function pack(
        uint256 opensAt_,
        uint256 submitSeconds,
        uint256 openSeconds,
        uint256 drawSeconds,
        uint256 cap_,
        bool listed_
    ) internal pure returns (TaskWord) {
        return
            TaskWord.wrap(
                opensAt_ |
                    (submitSeconds << 40) |
                    (openSeconds << 64) |
                    (drawSeconds << 88) |
                    (cap_ << 112) |
                    (1 << 216) |
                    (listed_ ? LISTED : 0)
            );
    }

    function exists(TaskWord self) internal pure returns (bool) {
        return TaskWord.unwrap(self) != 0;
    }

    function opensAt(TaskWord self) internal pure returns (uint256) {
        return uint40(TaskWord.unwrap(self));
    }

    /// @notice When sealing ends and opening begins, seconds.
    function submitEndsAt(TaskWord self) internal pure returns (uint256) {
        return opensAt(self) + uint24(TaskWord.unwrap(self) >> 40);
    }

    /// @notice When opening ends and the draw begins, seconds.
    function openEndsAt(TaskWord self) internal pure returns (uint256) {
        return submitEndsAt(self) + uint24(TaskWord.unwrap(self) >> 64);
    }

    /// @notice When the shards must have been shown, seconds.
    function drawEndsAt(TaskWord self) internal pure returns (uint256) {
        return openEndsAt(self) + uint24(TaskWord.unwrap(self) >> 88);
    }

    function cap(TaskWord self) internal pure returns (uint256) {
        return uint8(TaskWord.unwrap(self) >> 112);
    }

    function models(TaskWord self) internal pure returns (uint256) {
        return uint8(TaskWord.unwrap(self) >> 120);
    }

    function drawBlock(TaskWord self) internal pure returns (uint256) {
        return uint40(TaskWord.unwrap(self) >> 128);
    }

    function poolSize(TaskWord self) internal pure returns (uint256) {
        return uint16(TaskWord.unwrap(self) >> 168);
    }

    function roster(TaskWord self) internal pure returns (uint256) {
        return uint32(TaskWord.unwrap(self) >> 184);
    }

    function cancelled(TaskWord self) internal pure returns (bool) {
        return TaskWord.unwrap(self) & CANCELLED != 0;
    }

    /// @notice Contributors need a proof that they stand on the key's allow-list.
    function listed(TaskWord self) internal pure returns (bool) {
        return TaskWord.unwrap(self) & LISTED != 0;
    }

    /// @notice The shards were shown: this is a DrawWord.
    function isDrawn(TaskWord self) internal pure returns (bool) {
        return TaskWord.unwrap(self) & DRAWN != 0;
    }

    /// @notice This word read as what it is once the shards were shown.
    function drawn(TaskWord self) internal pure returns (DrawWord) {
        return DrawWord.wrap(TaskWord.unwrap(self));
    }

    function contributorBits(TaskWord self) internal pure returns (uint256) {
        return (TaskWord.unwrap(self) >> 224) & 0x7fffffff;
    }

    /// @notice The bit of `account` in contributorBits.
    function bitOf(address account) internal pure returns (uint256) {
        return 1 << (uint256(uint160(account)) % 31);
    }

    /// @notice False when `account` certainly opened no model; true when it may have.
    function mayContribute(TaskWord self, address account) internal pure returns (bool) {
        return (TaskWord.unwrap(self) >> 224) & bitOf(account) != 0;
    }

    function withModel(TaskWord self, address contributor) internal pure returns (TaskWord) {
        return TaskWord.wrap((TaskWord.unwrap(self) + ONE_MODEL) | (bitOf(contributor) << 224));
    }

    function withDraw(
        TaskWord self,
        uint256 blockNumber,
        uint256 rosterNumber,
        uint256 size
    ) internal pure returns (TaskWord) {
        return TaskWord.wrap(TaskWord.unwrap(self) | (blockNumber << 128) | (size << 168) | (rosterNumber << 184));
    }

    function asCancelled(TaskWord self) internal pure returns (TaskWord) {
        return TaskWord.wrap(TaskWord.unwrap(self) | CANCELLED);
    }
}
