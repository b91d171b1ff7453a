// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Classes} from "./Classes.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {ITaskBoard} from "./interfaces/ITaskBoard.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {GrownTree} from "./libraries/GrownTree.sol";
import {PlacedTree} from "./libraries/PlacedTree.sol";
import {Phase} from "./types/Phase.sol";
import {Submission, SubmissionWords} from "./types/Submission.sol";
import {TaskId} from "./types/TaskId.sol";

/// @title What contributors declare of their models, and how several become one head
abstract contract Growths is Classes {
    using GrownTree for GrownTree.Frontier;

    mapping(TaskId task => mapping(address contributor => bytes32)) private _declared;

    /// @inheritdoc ILineage
    function declare(TaskId task, Growth calldata growth) external {
        _checkGrowth(growth);
        // who has opened a model finds the task in phase Open or later; one that lapsed makes no head
        if (board.wordOf(task).isDrawn()) revert ITaskBoard.WrongPhase(task, board.phaseOf(task), Phase.Open);
        if (board.submissionOf(task, msg.sender).state() != SubmissionWords.OPENED) {
            revert ModelNotOpened(task, msg.sender);
        }
        mapping(address contributor => bytes32) storage declared = _declared[task];
        if (declared[msg.sender] != 0) revert AlreadyDeclared(task, msg.sender);
        bytes memory encoded = abi.encode(growth);
        declared[msg.sender] = keccak256(encoded);
        bytes32 topic = Declared.selector;
        assembly ("memory-safe") {
            // emit Declared(task, msg.sender, growth), whose data are the bytes that were hashed
            log3(add(encoded, 32), mload(encoded), topic, task, caller())
        }
    }

    /// @inheritdoc ILineage
    function declarationOf(TaskId task, address contributor) external view returns (bytes32) {
        return _declared[task][contributor];
    }

    function _requireDeclared(TaskId task, address contributor, Growth calldata growth) internal view {
        bytes32 declared = _declared[task][contributor];
        if (declared == 0) revert GrowthUndeclared(task, contributor);
        if (declared != keccak256(abi.encode(growth))) revert GrowthMismatch(task, contributor);
    }

    /// @dev Notes which models are given, and which of them bring classes. Reverts for one that may not be taken.
    function _takeModels(
        TaskId task,
        Round memory round,
        Head memory parent,
        address[] calldata contributors,
        Growth[] calldata growths
    ) internal view {
        if (contributors.length != growths.length) revert AcceptedMismatch(contributors.length, growths.length);
        for (uint256 i = 0; i < growths.length; ++i) {
            _requireDeclared(task, contributors[i], growths[i]);
            uint256 count = growths[i].tensorCount;
            bool teaches = growths[i].classes.length != 0;
            if (round.kind == Kind.Extend ? count <= parent.tensorCount : count < parent.tensorCount) {
                revert GrowthTooSmall(count, parent.tensorCount);
            }
            if (teaches && round.kind == Kind.Improve) revert GrowthInvalid("classes");
            Submission submission = board.submissionOf(task, contributors[i]);
            uint24 bit = uint24(1 << submission.index()); // cast: an index is below MAX_MODELS
            if (bit <= round.taken) revert ModelsUnordered(i); // bits come one by one, each above all before
            round.taken |= bit;
            if (teaches) round.teachers |= bit;
        }
    }

    /// @dev Root and size of the first growth's tree with the new leaves of the others behind it.
    function _grown(
        uint256 parentCount,
        Growth[] calldata growths,
        Merge calldata merge
    ) internal pure returns (bytes32 root, uint16 count) {
        uint256 more = growths.length - 1;
        (root, count) = (growths[0].tensors, growths[0].tensorCount);
        if (more == 0) return (root, count);
        if (merge.leaves.length != more || merge.proofs.length != more) revert MergeUnproven(0);
        (GrownTree.Frontier memory tree, bool valid) = GrownTree.load(root, count, merge.peaks);
        if (!valid) revert MergeUnproven(0);
        for (uint256 i = 0; i < more; ++i) {
            Growth calldata growth = growths[i + 1];
            bytes32[] calldata leaves = merge.leaves[i];
            if (!_endsWith(growth, parentCount, leaves, merge.proofs[i])) revert MergeUnproven(i + 1);
            for (uint256 k = 0; k < leaves.length; ++k) tree.append(leaves[k]);
        }
        if (tree.count > type(uint16).max) revert GrowthInvalid("tensorCount");
        return (tree.rootOf(), uint16(tree.count));
    }

    function _checkGrowth(Growth calldata growth) private pure {
        if (growth.tensorCount == 0) revert GrowthInvalid("tensorCount");
        if (growth.parameters == 0 || growth.parameters > Bounds.MAX_PARAMETERS) revert GrowthInvalid("parameters");
        if (growth.scorePpm > Bounds.PPM) revert GrowthInvalid("scorePpm");
        _checkClasses(growth.classes, Bounds.MAX_NEW_CLASSES);
    }

    /// @dev Whether a growth's tree has `leaves` from the head's last one on.
    function _endsWith(
        Growth calldata growth,
        uint256 parentCount,
        bytes32[] calldata leaves,
        bytes32[] calldata proof
    ) private pure returns (bool) {
        uint256 added = growth.tensorCount - parentCount;
        if (leaves.length != added) return false;
        uint256[] memory places = new uint256[](added);
        for (uint256 i = 0; i < added; ++i) places[i] = parentCount + i;
        return PlacedTree.verify(growth.tensors, growth.tensorCount, places, leaves, proof);
    }
}
