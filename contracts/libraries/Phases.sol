// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DrawWord} from "../types/DrawWord.sol";
import {Phase} from "../types/Phase.sol";
import {TaskWord} from "../types/TaskWord.sol";

/// @notice The phase of a task from its word and the clock; every window is half-open, [from, to).
library Phases {
    function at(TaskWord task, uint256 nowSeconds) internal pure returns (Phase) {
        if (!task.exists()) return Phase.None;
        if (task.isDrawn()) {
            DrawWord drawn = task.drawn();
            if (nowSeconds < drawn.voteEndsAt()) return Phase.Vote;
            return nowSeconds < drawn.ballotEndsAt() ? Phase.Ballot : Phase.Settled;
        }
        if (task.cancelled()) return Phase.Cancelled;
        if (nowSeconds < task.opensAt()) return Phase.Notice;
        if (nowSeconds < task.submitEndsAt()) return Phase.Submit;
        if (nowSeconds < task.openEndsAt()) return Phase.Open;
        if (task.models() == 0) return Phase.Empty;
        return nowSeconds < task.drawEndsAt() ? Phase.Draw : Phase.Lapsed;
    }
}
