// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RunId, RunTerms} from "../types/RunId.sol";

/// @title The ledger of training runs: stages record, attest and rollback
/// @notice A run is a log of entries, each named by the SHA-256 of its header. The ledger keeps the id of the last one
/// that a quorum of the run's nodes attested: its head. A header holds the root over all ids before it, so the head
/// vouches for the whole history.
///
/// Signatures are EIP-712 (domain "Quorate Ledger", version "1"), compact (EIP-2098). A node that cannot sign, or whose
/// signatures nobody collects, endorses the digest instead.
interface IModelLedger {
    /// @notice Who agrees: bit i stands for the node at seat i.
    struct Quorum {
        uint256 signers; // nodes whose signatures follow
        uint256 endorsers; // other nodes, who endorsed the digest
        bytes signatures; // 64 bytes for each signer, in order of seats
    }

    /// @notice What a node signed about one entry; two with the same parent and attempt convict it.
    struct Statement {
        bytes32 head;
        bytes signature; // 64 bytes; empty: the node endorsed it
    }

    /// @notice A run as it stands.
    struct Run {
        address recorder;
        uint256 roster; // number of the node set that counts now
        uint256 nodes;
        uint256 nextRoster; // the set agreed on last, when it does not count yet; else 0
        uint256 changesAtS;
        uint256 quorumPpm;
        uint256 difficultyBits;
        uint256 windowS;
        uint256 votes; // rollback votes opened so far
        uint256 voteEndsAtS;
        uint256 barred; // bit i: the node at seat i signed two entries for one place
        bytes32 head; // 0: nothing is registered
        bytes32 recorded; // 0: nothing was announced
    }

    event RunStarted(RunId indexed run, address indexed recorder, RunTerms terms, address[] nodes);
    event Recorded(RunId indexed run, bytes32 head);
    event Endorsed(bytes32 indexed digest, address indexed node);
    event Attested(RunId indexed run, bytes32 parent, bytes32 head);
    event HeaderAttested(RunId indexed run, bytes header);
    event RollbackOpened(RunId indexed run, uint256 vote, bytes32 head, address opener, bytes32 reason, uint256 endsAtS);
    event RolledBack(RunId indexed run, uint256 vote, bytes32 head, bytes32 target, bytes32 entry);
    event NodesAgreed(RunId indexed run, uint256 roster, address[] nodes, uint256 changesAtS);
    event NodeBarred(RunId indexed run, address indexed node, uint256 seat, bytes32 parent, uint256 attempt);

    error RunTermsInvalid(string field);
    error NodesUnordered(uint256 seat);
    error NodeCountOutOfRange(uint256 nodes, uint256 max);
    error RunExists(RunId run);
    error RunUnknown(RunId run);
    error NodesFailed();
    error NotRecorder(RunId run, address sender);
    error NotOfRun(RunId run, address sender);
    error EntryInvalid(string field);
    error HeaderStale(bytes32 given, bytes32 head);
    error WorkMissing(bytes32 id, uint256 difficultyBits);
    error QuorumMissing(uint256 agreed, uint256 needed);
    error SeatUnknown(uint256 seat, uint256 nodes);
    error SeatTwice(uint256 seat);
    error SeatBarred(uint256 seat);
    error SignatureInvalid(uint256 seat, bytes32 digest);
    error SignaturesMalformed(uint256 bytesGiven, uint256 bytesNeeded);
    error EndorsementMissing(uint256 seat, bytes32 digest);
    error NothingToRollBack(RunId run);
    error VoteIsOpen(RunId run, uint256 endsAtS);
    error VotePauses(RunId run, uint256 untilS);
    error NoVoteOpen(RunId run, uint256 endedAtS);
    error TargetNotInHistory(bytes32 target, bytes32 head);
    error StatementsAgree(bytes32 head);

    /// @notice Starts a run whose recorder is the sender.
    /// @param nodes who attests and votes, in rising order of addresses
    function runStart(RunTerms calldata terms, address[] calldata nodes) external returns (RunId run);

    /// @notice Announces the recorder's newest entry: broadcast and public date for all entries up to it.
    function record(RunId run, bytes32 head) external;

    /// @notice Agrees to a digest by transaction instead of by signature.
    function endorse(bytes32 digest) external;

    /// @notice Registers `head` and all entries between it and the present head, which the quorum checked. Anyone may call.
    /// @param attempt which of the recorder's proposals for this place it is
    function attest(RunId run, bytes32 head, uint32 attempt, Quorum calldata quorum) external;

    /// @notice Registers one epoch whose link, height and proof of work are checked here. Anyone may call.
    /// @param parent header of the present head; empty for the first entry
    /// @param header the entry's
    function attestHeader(
        RunId run,
        bytes calldata parent,
        bytes calldata header,
        uint32 attempt,
        Quorum calldata quorum
    ) external;

    /// @notice Asks the nodes for a target; for the recorder and the nodes. A pause as long as the window must have passed.
    /// @param seat of the sender, when it is a node
    /// @param reason short text, as nan or loss-spike
    function rollbackOpen(RunId run, uint256 seat, bytes32 reason) external;

    /// @notice Moves the head to a new entry that goes on from `target`, while a vote is open. Anyone may call.
    /// @param head header of the present head
    /// @param height of the target
    /// @param entry id of the new entry
    /// @param proof that the target has this height in the head's history
    function rollback(
        RunId run,
        bytes calldata head,
        bytes32 target,
        uint256 height,
        bytes32 entry,
        bytes32[] calldata proof,
        Quorum calldata quorum
    ) external;

    /// @notice Agrees on another node set. It counts at once, or from the end of the vote that is open now. Anyone may call.
    function nodesChange(RunId run, address[] calldata nodes, Quorum calldata quorum) external;

    /// @notice Bars a node that stands for two entries at one place. Anyone may call.
    function nodeBar(
        RunId run,
        uint256 seat,
        bytes32 parent,
        uint32 attempt,
        Statement calldata one,
        Statement calldata other
    ) external;

    /// @notice The run as it stands.
    function runOf(RunId run) external view returns (Run memory);

    /// @notice The nodes of the set that counts now, in order of seats.
    function nodesOf(RunId run) external view returns (address[] memory nodes);

    /// @notice Whether an entry stands in the history of the run's head, or of what was announced last.
    /// @param head header of one of the two
    function isIncluded(
        RunId run,
        bytes calldata head,
        bytes32 entry,
        uint256 height,
        bytes32[] calldata proof
    ) external view returns (bool);
}
