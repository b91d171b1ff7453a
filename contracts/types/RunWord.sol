// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What the ledger keeps of a run beside its head, in one word.
///
/// bits   0-31   roster          number of the node set
/// bits  32-39   nodes           how many it has
/// bits  40-71   nextRoster      number of the set that follows, 0: none was agreed on
/// bits  72-79   nextNodes
/// bits  80-119  changesAtS      from when on the next set counts
/// bits 120-143  quorumPpm
/// bits 144-151  difficultyBits
/// bits 152-183  votes           rollback votes opened so far; the number of the last one
/// bits 184-223  voteEndsAtS     until when it is open, this second included
/// bits 224-247  windowS
/// bit  248      barred          whether any node was ever barred
type RunWord is uint256;

using RunWords for RunWord global;

library RunWords {
    uint256 private constant SETS = (1 << 120) - 1;
    uint256 private constant VOTE = ((1 << 72) - 1) << 152;
    uint256 private constant BARRED = 1 << 248;

    function started(
        uint256 roster,
        uint256 nodes,
        uint256 quorumPpm_,
        uint256 difficultyBits_,
        uint256 windowS_
    ) internal pure returns (RunWord) {
        return
            RunWord.wrap(
                roster | (nodes << 32) | (quorumPpm_ << 120) | (difficultyBits_ << 144) | (windowS_ << 224)
            );
    }

    function exists(RunWord self) internal pure returns (bool) {
        return RunWord.unwrap(self) != 0;
    }

    /// @notice The node set that counts at `nowS`.
    function setAt(RunWord self, uint256 nowS) internal pure returns (uint256 roster, uint256 nodes) {
        uint256 word = RunWord.unwrap(self);
        if (nextRoster(self) != 0 && nowS >= changesAtS(self)) word >>= 40;
        return (uint32(word), uint8(word >> 32));
    }

    function nextRoster(RunWord self) internal pure returns (uint256) {
        return uint32(RunWord.unwrap(self) >> 40);
    }

    /// @notice Number of the set that was agreed on last, whether it counts yet or not.
    function lastRoster(RunWord self) internal pure returns (uint256) {
        uint256 next = nextRoster(self);
        return next == 0 ? uint32(RunWord.unwrap(self)) : next;
    }

    function changesAtS(RunWord self) internal pure returns (uint256) {
        return uint40(RunWord.unwrap(self) >> 80);
    }

    function quorumPpm(RunWord self) internal pure returns (uint256) {
        return uint24(RunWord.unwrap(self) >> 120);
    }

    function difficultyBits(RunWord self) internal pure returns (uint256) {
        return uint8(RunWord.unwrap(self) >> 144);
    }

    function votes(RunWord self) internal pure returns (uint256) {
        return uint32(RunWord.unwrap(self) >> 152);
    }

    function voteEndsAtS(RunWord self) internal pure returns (uint256) {
        return uint40(RunWord.unwrap(self) >> 184);
    }

    function windowS(RunWord self) internal pure returns (uint256) {
        return uint24(RunWord.unwrap(self) >> 224);
    }

    function barred(RunWord self) internal pure returns (bool) {
        return RunWord.unwrap(self) & BARRED != 0;
    }

    function withBarred(RunWord self) internal pure returns (RunWord) {
        return RunWord.wrap(RunWord.unwrap(self) | BARRED);
    }

    /// @notice One more vote, open until `endsAtS`.
    function withVote(RunWord self, uint256 endsAtS) internal pure returns (RunWord) {
        uint256 vote = (uint256(uint32(votes(self) + 1)) << 152) | (uint256(uint40(endsAtS)) << 184);
        return RunWord.wrap((RunWord.unwrap(self) & ~VOTE) | vote);
    }

    /// @notice The set that counts at `nowS`, and another from `atS` on.
    function withNext(
        RunWord self,
        uint256 nowS,
        uint256 roster,
        uint256 nodes,
        uint256 atS
    ) internal pure returns (RunWord) {
        (uint256 current, uint256 currentNodes) = setAt(self, nowS);
        uint256 sets = current | (currentNodes << 32) | (roster << 40) | (nodes << 72);
        return RunWord.wrap((RunWord.unwrap(self) & ~SETS) | sets | (uint256(uint40(atS)) << 80));
    }
}
