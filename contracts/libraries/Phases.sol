// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DrawWord} from "../types/DrawWord.sol";
import {Phase} from "../types/Phase.sol";
import {TaskWord} from "../types/TaskWord.sol";

/// @notice The phase of a task from its two words and the clock; every window is half-open, [from, to).
library Phases {
    function at(TaskWord task, DrawWord drawn, uint256 nowSeconds) internal pure returns (Phase) {
        if (!task.exists()) return Phase.None;
        if (task.cancelled()) return Phase.Cancelled;
        if (nowSeconds < task.opensAt()) return Phase.Notice;
        if (nowSeconds < task.submitEndsAt()) return Phase.Submit;
        if (nowSeconds < task.openEndsAt()) return Phase.Open;
        if (task.models() == 0) return Phase.Empty;
        if (!drawn.exists()) return nowSeconds < task.drawEndsAt() ? Phase.Draw : Phase.Lapsed;
        if (nowSeconds < drawn.voteEndsAt()) return Phase.Vote;
        if (nowSeconds < drawn.ballotEndsAt()) return Phase.Ballot;
        return Phase.Settled;
    }
}
