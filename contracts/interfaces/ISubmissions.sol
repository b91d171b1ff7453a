// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Submission} from "../types/Submission.sol";
import {TaskId, TaskKey} from "../types/TaskId.sol";

/// @title Stage commit
/// @notice A contributor seals a model, then opens it. Until then nobody learns anything worth copying.
interface ISubmissions {
    event ModelSealed(TaskId indexed task, address indexed contributor, bytes32 seal);
    event ModelOpened(
        TaskId indexed task,
        address indexed contributor,
        uint256 index,
        bytes32 weights,
        bytes32 manifest,
        uint256 sizeBytes,
        uint256 claimedPpm
    );
    event ModelStruck(TaskId indexed task, address indexed contributor, address indexed original);

    error ModelAlreadySealed(TaskId task, address contributor);
    error ModelNotSealed(TaskId task, address contributor);
    error ModelSealMismatch(TaskId task, address contributor);
    error ModelSizeZero();
    error ScoreOutOfRange(uint256 scorePpm);
    error ContributorNotListed(address contributor, bytes32 list);
    error ContributorsAreListed(TaskId task);
    error CapReached(TaskId task, uint256 cap);
    error NotACopy(address original, address copy);
    error BatchMalformed(uint256 bytesGiven); // of models, and of ballots
    error BatchEmpty();

    /// @notice Seals the sender's model for the task: one per contributor.
    /// @param seal libraries/Seals.sol, `model`
    function commitSeal(TaskId task, bytes32 seal) external;

    /// @notice Opens the sender's sealed model.
    /// @param weights SHA-256 of the weights file
    /// @param manifest SHA-256 of the manifest, which is also the digest of its CID
    /// @param sizeBytes length of the weights file
    /// @param claimedPpm accuracy that the contributor claims, parts per million
    /// @param salt of the seal
    function commitOpen(
        TaskId task,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt
    ) external;

    /// @notice As commitOpen, for a task whose contributors are listed.
    /// @param proof Merkle proof that the sender stands on the key's allow-list
    function commitOpenListed(
        TaskKey calldata key,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt,
        bytes32[] calldata proof
    ) external;

    /// @notice Seals signed models in one transaction, by anyone. Entries that cannot be taken (sealed already, signed by
    /// someone else) are left out, so that one bad entry does not spoil a batch. Contract wallets seal alone.
    /// @param entries 116 bytes each: contributor (20), seal (32), compact signature (64, EIP-2098) of EIP-712
    /// `Model(bytes32 task,bytes32 seal)`
    function commitSealMany(TaskId task, bytes calldata entries) external;

    /// @notice Opens sealed models in one transaction, by anyone who was told what opens them. Entries that cannot be
    /// taken (not sealed, opened already, sealed otherwise, above the cap) are left out. For tasks that anyone may
    /// contribute to.
    /// @param entries 124 bytes each: contributor (20), then as in commitOpen: weights (32), manifest (32), size (5),
    /// claim (3), salt (32)
    function commitOpenMany(TaskId task, bytes calldata entries) external;

    /// @notice Refuses `copy`'s model, whose weights equal those that `original` sealed earlier (at the same
    /// block: opened earlier). By anyone, until the ballots close.
    function commitStrike(TaskId task, address original, address copy) external;

    /// @notice The stored word of a contributor's model, packed as in types/Submission.sol.
    function submissionOf(TaskId task, address contributor) external view returns (Submission);

    /// @notice Seal that `contributor` would have to have made on this chain and board.
    function modelSeal(
        TaskId task,
        address contributor,
        bytes32 weights,
        bytes32 manifest,
        uint40 sizeBytes,
        uint24 claimedPpm,
        bytes32 salt
    ) external view returns (bytes32);

    /// @notice Digest that a contributor signs for a batch (EIP-712).
    function modelDigest(TaskId task, bytes32 seal) external view returns (bytes32);
}
