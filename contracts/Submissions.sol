// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {TaskBoard} from "./TaskBoard.sol";
import {ISubmissions} from "./interfaces/ISubmissions.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Phases} from "./libraries/Phases.sol";
import {Seals} from "./libraries/Seals.sol";
import {Phase} from "./types/Phase.sol";
import {Submission, SubmissionWords} from "./types/Submission.sol";
import {TaskId, TaskIds, TaskKey} from "./types/TaskId.sol";
import {TaskWord} from "./types/TaskWord.sol";

/// @title Stage commit
abstract contract Submissions is TaskBoard, ISubmissions {
    using TaskIds for TaskKey;

    mapping(TaskId task => mapping(address contributor => Submission)) internal _submissions;

    /// @inheritdoc ISubmissions
    function commitSeal(TaskId task, bytes32 seal) external {
        _requirePhase(task, Phases.at(_tasks[task], block.timestamp), Phase.Submit);
        if (_submissions[task][msg.sender].exists()) revert ModelAlreadySealed(task, msg.sender);
        _submissions[task][msg.sender] = SubmissionWords.sealedAs(seal, block.number);
        emit ModelSealed(task, msg.sender, seal);
    }

    /// @inheritdoc ISubmissions
    function commitOpen(
        TaskId task,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt
    ) external {
        TaskWord word = _tasks[task];
        if (word.listed()) revert ContributorsAreListed(task);
        _open(task, word, weights, manifest, sizeBytes, claimedPpm, salt);
    }

    /// @inheritdoc ISubmissions
    function commitOpenListed(
        TaskKey calldata key,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt,
        bytes32[] calldata proof
    ) external {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(msg.sender))));
        if (!MerkleProof.verifyCalldata(proof, key.contributors, leaf)) {
            revert ContributorNotListed(msg.sender, key.contributors);
        }
        TaskId task = key.toId();
        _open(task, _tasks[task], weights, manifest, sizeBytes, claimedPpm, salt);
    }

    /// @inheritdoc ISubmissions
    function commitStrike(TaskId task, address original, address copy) external {
        Phase phase = phaseOf(task);
        if (phase < Phase.Open || phase > Phase.Ballot) revert WrongPhase(task, phase, Phase.Ballot);
        Submission first = _submissions[task][original];
        Submission second = _submissions[task][copy];
        bool earlier = first.sealedBlock() < second.sealedBlock() ||
            (first.sealedBlock() == second.sealedBlock() && first.index() < second.index());
        if (
            first.state() != SubmissionWords.OPENED ||
            second.state() != SubmissionWords.OPENED ||
            first.digest() != second.digest() ||
            !earlier
        ) revert NotACopy(original, copy);
        _submissions[task][copy] = second.struck();
        _strike(task, second.index());
        emit ModelStruck(task, copy, original);
    }

    /// @inheritdoc ISubmissions
    function submissionOf(TaskId task, address contributor) external view returns (Submission) {
        return _submissions[task][contributor];
    }

    /// @inheritdoc ISubmissions
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

    /// @dev Takes the model of `index` out of the count.
    function _strike(TaskId task, uint256 index) internal virtual;

    function _hasOpened(TaskId task, address account) internal view override returns (bool) {
        return _submissions[task][account].state() > SubmissionWords.SEALED;
    }

    function _open(
        TaskId task,
        TaskWord word,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt
    ) private {
        _requirePhase(task, Phases.at(word, block.timestamp), Phase.Open);
        if (sizeBytes == 0) revert ModelSizeZero();
        if (claimedPpm > Bounds.PPM) revert ScoreOutOfRange(claimedPpm);
        Submission submission = _submissions[task][msg.sender];
        if (submission.state() != SubmissionWords.SEALED) revert ModelNotSealed(task, msg.sender);
        bytes32 seal = Seals.model(task, msg.sender, weights, manifest, sizeBytes, claimedPpm, salt);
        if (!submission.holds(seal)) revert ModelSealMismatch(task, msg.sender);
        uint256 index = word.models();
        if (index >= word.cap()) revert CapReached(task, word.cap());
        _tasks[task] = word.withModel(msg.sender);
        _submissions[task][msg.sender] = submission.openedAs(weights, index);
        emit ModelOpened(task, msg.sender, index, weights, manifest, sizeBytes, claimedPpm);
    }
}
