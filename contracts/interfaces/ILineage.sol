// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LineageId, LineageTerms} from "../types/LineageId.sol";
import {TaskId, TaskKey} from "../types/TaskId.sol";

/// @title Lineages: stages improve and extend
/// @notice A lineage is a line of heads, each a model that goes on from the one before. Every round is a task on the
/// board; its committee says by its scores which models are to be taken. An extension keeps all tensors of the head;
/// whoever shows a changed one in time overturns it (docs/decisions/0011-lineages.md).
interface ILineage {
    enum Kind {
        None,
        Improve, // one model takes the head's place
        Extend // models add classes, or neurons, to the head
    }

    enum State {
        None,
        Open, // nothing is taken yet, or what was is overturned
        Taken, // its head stands
        Closed // ended without a head
    }

    /// @notice A class by its name (UTF-8, padded with zeros on the right) and the SHA-256 of what describes its label.
    struct Class {
        bytes32 name;
        bytes32 labelSpec;
    }

    /// @notice What a contributor says of its model; the committee holds it against the file.
    struct Growth {
        bytes32 tensors; // root over the model's tensors: the head's first, in their order
        uint16 tensorCount;
        uint40 parameters;
        uint24 scorePpm; // its claim: likelihood, parts per million
        Class[] classes; // new ones
    }

    /// @notice How growths beyond the first are put behind it; empty when there is one.
    struct Merge {
        bytes32[] peaks; // frontier of the first growth's tree (libraries/GrownTree.sol)
        bytes32[][] leaves; // the leaves that each further growth adds to the head's
        bytes32[][] proofs; // that its tree ends with them (libraries/PlacedTree.sol)
    }

    /// @notice A lineage as it stands.
    struct Line {
        uint112 potWei; // neither promised to contributors nor paid
        uint16 head; // number of the present head
        uint16 heads; // made so far, fallen ones too
        uint16 rounds; // opened so far
        uint8 idle; // rounds in a row that ended without a head
        uint32 challengeSeconds;
        bool started;
        bool ended; // takes no more rounds
        bool open; // the last round is not closed, and has no head
        TaskId round; // the last one opened
    }

    /// @notice A head, present or past.
    struct Head {
        bytes32 tensors;
        TaskId task; // of the round that made it; 0: the first
        uint16 tensorCount;
        uint24 scorePpm; // as claimed; of several models the lowest
        uint16 classes; // that it knows
        uint16 parent; // number of the head it goes on from
        uint40 challengeEndsAtS; // until then it can be overturned
        uint8 idleBefore; // idle rounds when it was made
        bool fallen; // overturned or doubted
    }

    /// @notice A round. Sets of models have one bit for each, by its index in the task.
    struct Round {
        LineageId lineage;
        uint96 prizeWei;
        uint24 taken; // models in its head
        uint24 teachers; // those of them that brought classes
        uint24 cheats; // overturned
        uint24 paid; // prize withdrawn
        uint8 accepted; // models that the committee accepted: the prize's shares
        uint16 parent; // number of the head it goes on from
        uint16 head; // number of the head it made last
        Kind kind;
        State state;
    }

    event LineageStarted(LineageId indexed lineage, address indexed initiator, LineageTerms terms, Class[] classes);
    event RoundOpened(LineageId indexed lineage, TaskId indexed task, Kind kind, uint256 head);
    event Declared(TaskId indexed task, address indexed contributor, Growth growth);
    event HeadAdvanced(LineageId indexed lineage, TaskId indexed task, uint256 number, address[] contributors, Head head);
    event ClassTaught(
        LineageId indexed lineage,
        uint256 index,
        bytes32 name,
        bytes32 labelSpec,
        address teacher,
        uint256 head
    );
    event Overturned(
        LineageId indexed lineage,
        TaskId indexed task,
        address cheat,
        address challenger,
        uint256 place,
        uint256 rewardWei
    );
    event Doubted(LineageId indexed lineage, TaskId indexed task, address verifier, uint256 head);
    event HeadFell(LineageId indexed lineage, uint256 head, uint256 backTo);
    event RoundClosed(LineageId indexed lineage, TaskId indexed task);
    event PrizePaid(LineageId indexed lineage, TaskId indexed task, address contributor, address to, uint256 amountWei);
    event LineageClosed(LineageId indexed lineage, address to, uint256 amountWei);

    error LineageTermsInvalid(string field);
    error LineageExists(LineageId lineage);
    error LineageUnknown(LineageId lineage);
    error LineageEnded(LineageId lineage);
    error PrizesMismatch(uint256 sentWei, uint256 owedWei);
    error RoundIsOpen(TaskId task);
    error RoundNotOpen(TaskId task);
    error RoundUnknown(TaskId task);
    error RoundExists(TaskId task);
    error RoundPending(TaskId task, uint256 untilS);
    error RoundsUsedUp(uint256 roundsMax);
    error RoundKindUnknown();
    error RoundTaskUnfit(string field);
    error ChallengeOpen(LineageId lineage, uint256 endsAtS);
    error ChallengeOver(TaskId task, uint256 endedAtS);
    error HeadGoodEnough(uint256 scorePpm, uint256 thresholdPpm);
    error HeadNotGoodEnough(uint256 scorePpm, uint256 thresholdPpm);
    error HeadIdle(uint256 idle, uint256 idleMax);
    error HeadNotGrowable(LineageId lineage);
    error HeadMoved(uint256 from, uint256 to);
    error GrowthInvalid(string field);
    error GrowthTooSmall(uint256 tensorCount, uint256 headCount);
    error GrowthUndeclared(TaskId task, address contributor);
    error GrowthMismatch(TaskId task, address contributor);
    error AlreadyDeclared(TaskId task, address contributor);
    error ModelNotOpened(TaskId task, address contributor);
    error ModelsUnordered(uint256 part);
    error AcceptedMismatch(uint256 given, uint256 accepted);
    error ImproveTakesOne(uint256 given);
    error ClassNameInvalid(bytes32 name);
    error ClassExists(bytes32 name);
    error MergeUnproven(uint256 part);
    error FraudUnproven(TaskId task, address contributor, uint256 place);
    error AlreadyDoubted(TaskId task, address verifier);

    /// @notice Starts a lineage. The sender is its initiator and pays the prizes of all its rounds.
    /// @param classes that the first head knows, in the order of its outputs
    function lineageStart(
        LineageTerms calldata terms,
        Class[] calldata classes
    ) external payable returns (LineageId lineage);

    /// @notice Makes a task, of which nothing is opened yet, the lineage's next round. By the initiator of both.
    function roundOpen(LineageTerms calldata terms, Kind kind, TaskKey calldata key) external returns (TaskId task);

    /// @notice Declares what the sender's opened model is, until the shards are shown. Once.
    function declare(TaskId task, Growth calldata growth) external;

    /// @notice Moves the head to what the committee accepted. By anyone, once the task is settled.
    /// @param contributors of all accepted models that are not overturned, in order of opening
    /// @param growths as each of them declared
    function extend(
        TaskId task,
        address[] calldata contributors,
        Growth[] calldata growths,
        Merge calldata merge
    ) external;

    /// @notice Closes a round whose task is over and that makes no head: nothing was accepted, the head fell meanwhile,
    /// or nobody could extend it for as long as a challenge lasts. By anyone.
    function roundClose(TaskId task) external;

    /// @notice Shows that an accepted extension changed a tensor of the head it goes on from: the head falls back, half
    /// of the cheat's share goes to `to`, half to the pot. By anyone, until the challenge ends.
    /// @param growth as the contributor declared it
    /// @param place of the tensor
    /// @param oldLeaf that the head before has there
    /// @param newLeaf that the contributor's model has there
    function overturn(
        TaskId task,
        address contributor,
        Growth calldata growth,
        uint256 place,
        bytes32 oldLeaf,
        bytes32[] calldata oldProof,
        bytes32 newLeaf,
        bytes32[] calldata newProof,
        address payable to
    ) external;

    /// @notice Votes that the present head is not what was recorded. By members of the open round's committee while they
    /// vote; more than half of them make it fall back. The first head cannot: then the lineage takes no more rounds.
    /// @param seat of the sender in the task's roster
    function doubt(TaskId task, uint256 seat) external;

    /// @notice Pays the sender, whose model was taken, its share of the round's prize, once the challenge is over.
    function prizeWithdraw(TaskId task, address payable to) external returns (uint256 amountWei);

    /// @notice Ends the lineage between two rounds, and pays what is left of the prizes to `to`. By the initiator.
    function lineageEnd(LineageTerms calldata terms, address payable to) external returns (uint256 amountWei);

    /// @notice Id that `terms` have on this chain and contract, started or not.
    function lineageId(LineageTerms calldata terms) external view returns (LineageId);

    /// @notice A lineage with its present head.
    function lineageOf(LineageId lineage) external view returns (Line memory, Head memory);

    /// @notice A head by its number: 0 is the first.
    function headOf(LineageId lineage, uint256 number) external view returns (Head memory);

    /// @notice A round by its task; all zero for a task that is none.
    function roundOf(TaskId task) external view returns (Round memory);

    /// @notice Hash of what a contributor declared, keccak256(abi.encode(growth)); 0: nothing.
    function declarationOf(TaskId task, address contributor) external view returns (bytes32);

    /// @notice Who taught a class and its place in the order of classes; `known` is false when the present head has none
    /// of this name.
    function classOf(
        LineageId lineage,
        bytes32 name
    ) external view returns (bool known, address teacher, uint256 index, uint256 head);

    /// @notice Members of the round's committee that doubt the head.
    function doubtsOf(TaskId task) external view returns (uint256);
}
