// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {TaskBoard} from "./TaskBoard.sol";
import {ISubmissions} from "./interfaces/ISubmissions.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Digests} from "./libraries/Digests.sol";
import {Seals} from "./libraries/Seals.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Phase} from "./types/Phase.sol";
import {Submission, SubmissionWords} from "./types/Submission.sol";
import {TaskId, TaskIds, TaskKey} from "./types/TaskId.sol";
import {TaskWord} from "./types/TaskWord.sol";

/// @title Stage commit
abstract contract Submissions is TaskBoard, EIP712, ISubmissions {
    using TaskIds for TaskKey;

    bytes32 private constant MODEL_TYPE = keccak256("Model(bytes32 task,bytes32 seal)");
    uint256 private constant SEALED_BYTES = 116; // contributor, seal, compact signature
    uint256 private constant OPENED_BYTES = 124; // contributor, weights, manifest, size, claim, salt

    mapping(TaskId task => mapping(address contributor => Submission)) internal _submissions;

    /// @inheritdoc ISubmissions
    function commitSeal(TaskId task, bytes32 seal) external {
        _requireNow(task, Phase.Submit);
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
        TaskWord word = _requireNow(task, Phase.Open);
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
        _open(task, _requireNow(task, Phase.Open), weights, manifest, sizeBytes, claimedPpm, salt);
    }

    /// @inheritdoc ISubmissions
    function commitSealMany(TaskId task, bytes calldata entries) external {
        _requireEntries(entries, SEALED_BYTES);
        _requireNow(task, Phase.Submit);
        mapping(address contributor => Submission) storage submissions = _submissions[task];
        uint256 preimage = _digestPreimage(MODEL_TYPE, task);
        bool taken = false;
        uint256 at = Calldata.start(entries);
        for (uint256 end = at + entries.length; at < end; at += SEALED_BYTES) {
            address contributor = Calldata.account(at);
            if (submissions[contributor].exists()) continue;
            bytes32 seal = Calldata.word(at + 20);
            if (!Signatures.isBy(contributor, Digests.digestOf(preimage, seal), at + 52)) continue;
            submissions[contributor] = SubmissionWords.sealedAs(seal, block.number);
            emit ModelSealed(task, contributor, seal);
            taken = true;
        }
        if (!taken) revert BatchEmpty();
    }

    /// @inheritdoc ISubmissions
    function commitOpenMany(TaskId task, bytes calldata entries) external {
        _requireEntries(entries, OPENED_BYTES);
        TaskWord word = _requireNow(task, Phase.Open);
        if (word.listed()) revert ContributorsAreListed(task);
        uint256 before = word.models();
        uint256 at = Calldata.start(entries);
        for (uint256 end = at + entries.length; at < end; at += OPENED_BYTES) word = _openEntry(task, word, at);
        if (word.models() == before) revert BatchEmpty();
        _tasks[task] = word;
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

    /// @inheritdoc ISubmissions
    function modelDigest(TaskId task, bytes32 seal) external view returns (bytes32) {
        return Digests.digestOf(_digestPreimage(MODEL_TYPE, task), seal);
    }

    function _digestPreimage(bytes32 kind, TaskId task) internal view returns (uint256) {
        return Digests.preimage(kind, task, _domainSeparatorV4());
    }

    /// @dev Takes the model of `index` out of the count.
    function _strike(TaskId task, uint256 index) internal virtual;

    function _hasOpened(TaskId task, address account) internal view override returns (bool) {
        return _submissions[task][account].state() > SubmissionWords.SEALED;
    }

    function _requireEntries(bytes calldata entries, uint256 size) internal pure {
        if (entries.length == 0 || entries.length % size != 0) revert BatchMalformed(entries.length);
    }

    /// @dev Opens the sender's model, or says why not.
    function _open(
        TaskId task,
        TaskWord word,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt
    ) private {
        TaskWord next = _withModel(task, word, msg.sender, weights, manifest, sizeBytes, claimedPpm, salt);
        if (TaskWord.unwrap(next) == TaskWord.unwrap(word)) {
            if (sizeBytes == 0) revert ModelSizeZero();
            if (claimedPpm > Bounds.PPM) revert ScoreOutOfRange(claimedPpm);
            if (_submissions[task][msg.sender].state() != SubmissionWords.SEALED) revert ModelNotSealed(task, msg.sender);
            if (word.models() >= word.cap()) revert CapReached(task, word.cap());
            revert ModelSealMismatch(task, msg.sender);
        }
        _tasks[task] = next;
    }

    /// @dev Opens the model of an entry in calldata, if it can be taken.
    /// @param at where the entry stands: contributor (20), weights (32), manifest (32), size (5), claim (3), salt (32)
    function _openEntry(TaskId task, TaskWord word, uint256 at) private returns (TaskWord) {
        return
            _withModel(
                task,
                word,
                Calldata.account(at),
                Calldata.word(at + 20),
                Calldata.word(at + 52),
                uint40(Calldata.u40(at + 84)),
                uint24(Calldata.u24(at + 89)),
                Calldata.word(at + 92)
            );
    }

    /// @dev Marks a sealed model as opened, if that is what was sealed.
    /// @return the task's word that counts it, for the caller to store; unchanged when it cannot be taken
    function _withModel(
        TaskId task,
        TaskWord word,
        address contributor,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt
    ) private returns (TaskWord) {
        uint256 index = word.models();
        Submission submission = _submissions[task][contributor];
        if (
            submission.state() != SubmissionWords.SEALED ||
            sizeBytes == 0 ||
            claimedPpm > Bounds.PPM ||
            index >= word.cap() ||
            !submission.holds(Seals.model(task, contributor, weights, manifest, sizeBytes, claimedPpm, salt))
        ) return word;
        _submissions[task][contributor] = submission.openedAs(weights, index);
        emit ModelOpened(task, contributor, index, weights, manifest, sizeBytes, claimedPpm);
        return word.withModel(contributor);
    }
}
