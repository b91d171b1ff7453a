// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bounds} from "../libraries/Bounds.sol";
import {TaskWord} from "./TaskWord.sol";

/// @notice The stored word of a task once its shards were shown: all that voting and payment need to know.
///
/// bits   0-63   seed            from the hash of the draw block
/// bits  64-95   roster
/// bits  96-111  poolSize        n
/// bits 112-127  committee       c = min(n, the key's committee): the majority's denominator
/// bits 128-135  models          opened: a ballot has one score for each
/// bits 136-175  voteEndsAt      seconds
/// bits 176-199  ballotSeconds
/// bits 200-223  mafrPpm
/// bits 224-254  contributors    as in TaskWord
/// bit  255      1
type DrawWord is uint256;

using DrawWords for DrawWord global;

library DrawWords {
    uint256 private constant DRAWN = 1 << 255;

    function pack(
        TaskWord task,
        uint256 seed_,
        uint256 committee_,
        uint256 voteEndsAt_,
        uint256 ballotSeconds,
        uint256 mafrPpm_
    ) internal pure returns (TaskWord) {
        return
            TaskWord.wrap(
                seed_ |
                    (task.roster() << 64) |
                    (task.poolSize() << 96) |
                    (committee_ << 112) |
                    (task.models() << 128) |
                    (voteEndsAt_ << 136) |
                    (ballotSeconds << 176) |
                    (mafrPpm_ << 200) |
                    (task.contributorBits() << 224) |
                    DRAWN
            );
    }

    function seed(DrawWord self) internal pure returns (uint256) {
        return uint64(DrawWord.unwrap(self));
    }

    function roster(DrawWord self) internal pure returns (uint256) {
        return uint32(DrawWord.unwrap(self) >> 64);
    }

    function poolSize(DrawWord self) internal pure returns (uint256) {
        return uint16(DrawWord.unwrap(self) >> 96);
    }

    function committee(DrawWord self) internal pure returns (uint256) {
        return uint16(DrawWord.unwrap(self) >> 112);
    }

    /// @notice Seats below this are their own places, in the first panel: none unless all n members were drawn.
    function directSeats(DrawWord self) internal pure returns (uint256) {
        uint256 n = poolSize(self);
        if (n != committee(self)) return 0;
        return n < Bounds.PANEL ? n : Bounds.PANEL;
    }

    function models(DrawWord self) internal pure returns (uint256) {
        return uint8(DrawWord.unwrap(self) >> 128);
    }

    function voteEndsAt(DrawWord self) internal pure returns (uint256) {
        return uint40(DrawWord.unwrap(self) >> 136);
    }

    function ballotEndsAt(DrawWord self) internal pure returns (uint256) {
        return voteEndsAt(self) + uint24(DrawWord.unwrap(self) >> 176);
    }

    function mafrPpm(DrawWord self) internal pure returns (uint256) {
        return uint24(DrawWord.unwrap(self) >> 200);
    }

    /// @notice False when `account` certainly opened no model; true when it may have.
    function mayContribute(DrawWord self, address account) internal pure returns (bool) {
        return TaskWord.wrap(DrawWord.unwrap(self)).mayContribute(account);
    }
}
