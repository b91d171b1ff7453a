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
}
