// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What the votes say.
library Tally {
    /// @notice More than half of the committee as drawn: a tie rejects, and who stays away counts against.
    function accepted(uint256 votesFor, uint256 committee) internal pure returns (bool) {
        return 2 * votesFor > committee;
    }

    /// @notice Median of `scoresPpm`, the lower of the middle two when their number is even, 0 when there are none.
    function median(uint24[] memory scoresPpm) internal pure returns (uint24) {
        uint256 count = scoresPpm.length;
        if (count == 0) return 0;
        for (uint256 i = 1; i < count; ++i) {
            uint24 score = scoresPpm[i];
            uint256 j = i;
            for (; j > 0 && scoresPpm[j - 1] > score; --j) scoresPpm[j] = scoresPpm[j - 1];
            scoresPpm[j] = score;
        }
        return scoresPpm[(count - 1) / 2];
    }
}
