// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Draw} from "../libraries/Draw.sol";
import {GrownTree} from "../libraries/GrownTree.sol";
import {Payouts} from "../libraries/Payouts.sol";
import {Phases} from "../libraries/Phases.sol";
import {PlacedTree} from "../libraries/PlacedTree.sol";
import {Rosters} from "../libraries/Rosters.sol";
import {Seals} from "../libraries/Seals.sol";
import {Tally} from "../libraries/Tally.sol";
import {DrawWord, DrawWords} from "../types/DrawWord.sol";
import {LateWord, LateWords} from "../types/LateWord.sol";
import {LineageId, LineageIds, LineageTerms} from "../types/LineageId.sol";
import {Panel, Panels} from "../types/Panel.sol";
import {Phase} from "../types/Phase.sol";
import {PoolId, PoolIds, PoolKey} from "../types/PoolId.sol";
import {Submission, SubmissionWords} from "../types/Submission.sol";
import {TaskId, TaskIds, TaskKey} from "../types/TaskId.sol";
import {TaskWord, TaskWords} from "../types/TaskWord.sol";

/// @notice Test double: the pure libraries and the packed words, as functions that golden vectors can be put to.
contract Libraries {
    using GrownTree for GrownTree.Frontier;
    using LineageIds for LineageTerms;
    using PoolIds for PoolKey;
    using TaskIds for TaskKey;

    function taskId(TaskKey calldata key) external view returns (TaskId) {
        return key.toId();
    }

    function lineageId(LineageTerms calldata terms) external view returns (LineageId) {
        return terms.toId();
    }

    function poolId(PoolKey calldata key) external pure returns (PoolId) {
        return key.toId();
    }

    function modelSeal(
        TaskId task,
        address contributor,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt
    ) external view returns (bytes32) {
        return Seals.model(task, contributor, weights, manifest, sizeBytes, claimedPpm, salt);
    }

    function ballotSeal(
        TaskId task,
        address verifier,
        bytes calldata scores,
        bytes16 salt
    ) external view returns (bytes32) {
        return Seals.ballotFrom(Seals.ballotPreimage(task), verifier, scores, salt);
    }

    function shardLeaf(uint256 index, bytes32 digest, bytes32 salt) external pure returns (bytes32) {
        return Seals.shard(index, digest, salt);
    }

    function verifyPlaces(
        bytes32 root,
        uint256 count,
        uint256[] memory places,
        bytes32[] memory leaves,
        bytes32[] calldata proof
    ) external pure returns (bool) {
        return PlacedTree.verify(root, count, places, leaves, proof);
    }

    /// @notice Root and size of a tree after `leaves` were appended, zero when `peaks` are not its frontier.
    function grownTree(
        bytes32 root,
        uint256 count,
        bytes32[] calldata peaks,
        bytes32[] calldata leaves
    ) external pure returns (bytes32, uint256) {
        (GrownTree.Frontier memory tree, bool valid) = GrownTree.load(root, count, peaks);
        if (!valid) return (0, 0);
        for (uint256 i = 0; i < leaves.length; ++i) tree.append(leaves[i]);
        return (tree.rootOf(), tree.count);
    }

    function permute(uint256 seed, bytes32 purpose, uint256 n, uint256 x) external pure returns (uint256) {
        return Draw.permute(seed, purpose, n, x);
    }

    function placeOf(
        uint256 seed,
        bytes32 purpose,
        uint256 n,
        uint256 k,
        uint256 x
    ) external pure returns (uint256) {
        return Draw.placeOf(seed, purpose, n, k, x);
    }

    function purposes() external pure returns (bytes32 shards, bytes32 committee) {
        return (Draw.SHARDS, Draw.COMMITTEE);
    }

    function accepted(uint256 votesFor, uint256 committee) external pure returns (bool) {
        return Tally.accepted(votesFor, committee);
    }

    function median(uint24[] memory scoresPpm) external pure returns (uint24) {
        return Tally.median(scoresPpm);
    }

    function pot(uint256 rewardWei, uint256 feeWei, uint256 committee, uint256 bondWei) external pure returns (uint256) {
        return Payouts.pot(rewardWei, feeWei, committee, bondWei);
    }

    function share(uint256 amountWei, uint256 heads) external pure returns (uint256) {
        return Payouts.share(amountWei, heads);
    }

    function forfeited(
        uint256 bondWei,
        uint256 contributors,
        uint256 verifiers
    ) external pure returns (uint256, uint256) {
        return Payouts.forfeited(bondWei, contributors, verifiers);
    }

    function phaseAt(TaskWord word, uint256 nowSeconds) external pure returns (Phase) {
        return Phases.at(word, nowSeconds);
    }

    function rosterAddress(address membership, uint256 number) external pure returns (address) {
        return Rosters.addressOf(membership, number);
    }

    /// @notice A task's word after `models` were opened by `contributor`, and its draw was fixed.
    function taskWord(
        uint256[5] calldata windowsAndCap,
        bool listed,
        address contributor,
        uint256 models,
        uint256[3] calldata drawBlockRosterSize,
        bool cancelled
    ) public pure returns (TaskWord word) {
        word = TaskWords.pack(
            windowsAndCap[0],
            windowsAndCap[1],
            windowsAndCap[2],
            windowsAndCap[3],
            windowsAndCap[4],
            listed
        );
        for (uint256 i = 0; i < models; ++i) word = word.withModel(contributor);
        word = word.withDraw(drawBlockRosterSize[0], drawBlockRosterSize[1], drawBlockRosterSize[2]);
        if (cancelled) word = word.asCancelled();
    }

    function drawWord(
        TaskWord task,
        uint256 seed,
        uint256 committee,
        uint256 voteEndsAt,
        uint256 ballotSeconds,
        uint256 mafrPpm
    ) external pure returns (TaskWord) {
        return DrawWords.pack(task, seed, committee, voteEndsAt, ballotSeconds, mafrPpm);
    }

    function lateWord(
        uint256 contributorWei,
        uint256 verifierWei,
        uint256 models,
        bool lapsed,
        bool closed,
        uint256[] calldata paidModels
    ) external pure returns (LateWord word) {
        word = LateWords.outcome(contributorWei, verifierWei, models, lapsed);
        if (closed) word = word.asClosed();
        for (uint256 i = 0; i < paidModels.length; ++i) word = word.withPaid(paidModels[i]);
    }

    function withBatch(LateWord chain, bytes32 root) external pure returns (LateWord) {
        return chain.withBatch(root);
    }

    function submission(
        bytes32 seal,
        uint256 blockNumber,
        bytes32 weights,
        uint256 index
    ) external pure returns (Submission sealed_, Submission opened, Submission struck) {
        sealed_ = SubmissionWords.sealedAs(seal, blockNumber);
        opened = sealed_.openedAs(weights, index);
        struck = opened.struck();
    }

    /// @notice A panel after the given members sealed, opened, and voted for the given models.
    function panel(
        uint256[] calldata sealedMembers,
        uint256[] calldata openedMembers,
        uint256[] calldata votes,
        uint256[] calldata struckModels
    ) external pure returns (Panel word) {
        word = Panel.wrap(1 << 255);
        for (uint256 i = 0; i < sealedMembers.length; ++i) word = word.withSealed(sealedMembers[i]);
        for (uint256 i = 0; i < openedMembers.length; ++i) word = word.withOpened(openedMembers[i]);
        for (uint256 i = 0; i < votes.length; ++i) word = word.withVotes(1 << (6 * votes[i]));
        for (uint256 i = 0; i < struckModels.length; ++i) word = word.withStruck(struckModels[i]);
    }

    /// @notice Votes for each of the first `models` models, added up over panels as a settlement does.
    function sums(Panel[] calldata panels, uint256 models) external pure returns (uint256[] memory votes) {
        (uint256 even, uint256 odd) = (0, 0);
        for (uint256 i = 0; i < panels.length; ++i) {
            even += panels[i].evenVotes();
            odd += panels[i].oddVotes();
        }
        votes = new uint256[](models);
        for (uint256 model = 0; model < models; ++model) votes[model] = Panels.votesIn(even, odd, model);
    }
}
