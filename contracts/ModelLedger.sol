// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IModelLedger} from "./interfaces/IModelLedger.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Headers} from "./libraries/Headers.sol";
import {PlacedTree} from "./libraries/PlacedTree.sol";
import {Rosters} from "./libraries/Rosters.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {RunId, RunIds, RunTerms} from "./types/RunId.sol";
import {RunWord, RunWords} from "./types/RunWord.sol";

/// @title Stages record, attest and rollback
/// @notice Holds no ether and has no owner.
contract ModelLedger is IModelLedger, EIP712 {
    using Headers for bytes;
    using RunIds for RunTerms;

    bytes32 private constant ATTESTATION = keccak256("Attestation(bytes32 run,bytes32 parent,bytes32 head,uint32 attempt)");
    bytes32 private constant VOTE =
        keccak256("RollbackVote(bytes32 run,bytes32 head,bytes32 target,bytes32 entry,uint32 nonce)");
    bytes32 private constant NODE_SET = keccak256("NodeSet(bytes32 run,address[] nodes,uint32 roster)");

    /// @dev Stands where no entry is attested yet: the run's start makes the slot, so that no batch pays for a new one.
    bytes32 private constant NO_HEAD = bytes32(uint256(1));

    mapping(RunId run => RunWord) private _runs;
    mapping(RunId run => bytes32) private _heads; // last entry that a quorum attested, or NO_HEAD: read by _headOf
    mapping(RunId run => bytes32) private _recorded; // last entry that the recorder announced
    mapping(RunId run => address) private _recorders;
    mapping(bytes32 digest => mapping(address node => bool)) private _endorsed;
    mapping(uint256 roster => uint256 seats) private _barred;
    uint32 private _rosters; // created so far, equal to this contract's creation nonce less one

    constructor() EIP712("Quorate Ledger", "1") {}

    /// @inheritdoc IModelLedger
    function runStart(RunTerms calldata terms, address[] calldata nodes) external returns (RunId run) {
        if (terms.quorumPpm <= Bounds.PPM / 2 || terms.quorumPpm > Bounds.PPM) revert RunTermsInvalid("quorumPpm");
        if (terms.difficultyBits > Bounds.MAX_DIFFICULTY_BITS) revert RunTermsInvalid("difficultyBits");
        if (terms.windowS < Bounds.MIN_WINDOW || terms.windowS > Bounds.MAX_VOTE_WINDOW) revert RunTermsInvalid("windowS");
        run = terms.toId(msg.sender, nodes);
        if (_runs[run].exists()) revert RunExists(run);
        uint256 roster = _writeRoster(nodes);
        _runs[run] = RunWords.started(roster, nodes.length, terms.quorumPpm, terms.difficultyBits, terms.windowS);
        _recorders[run] = msg.sender;
        _heads[run] = NO_HEAD;
        emit RunStarted(run, msg.sender, terms, nodes);
    }

    /// @inheritdoc IModelLedger
    function record(RunId run, bytes32 head) external {
        if (_recorders[run] != msg.sender) revert NotRecorder(run, msg.sender);
        _recorded[run] = head;
        emit Recorded(run, head);
    }

    /// @inheritdoc IModelLedger
    function endorse(bytes32 digest) external {
        _endorsed[digest][msg.sender] = true;
        emit Endorsed(digest, msg.sender);
    }

    /// @inheritdoc IModelLedger
    function attest(RunId run, bytes32 head, uint32 attempt, Quorum calldata quorum) external {
        bytes32 parent = _headOf(run);
        if (head == 0 || head == NO_HEAD || head == parent) revert EntryInvalid("head");
        _requireQuorum(_known(run), _attestation(run, parent, head, attempt), quorum);
        _heads[run] = head;
        emit Attested(run, parent, head);
    }

    /// @inheritdoc IModelLedger
    function attestHeader(
        RunId run,
        bytes calldata parent,
        bytes calldata header,
        uint32 attempt,
        Quorum calldata quorum
    ) external {
        RunWord word = _known(run);
        bytes32 before = _headOf(run);
        _requireFollows(run, before, parent, header);
        bytes32 head = header.id();
        if (uint256(head) >> (256 - word.difficultyBits()) != 0) revert WorkMissing(head, word.difficultyBits());
        _requireQuorum(word, _attestation(run, before, head, attempt), quorum);
        _heads[run] = head;
        emit Attested(run, before, head);
        emit HeaderAttested(run, header);
    }

    /// @inheritdoc IModelLedger
    function rollbackOpen(RunId run, uint256 seat, bytes32 reason) external {
        RunWord word = _known(run);
        bytes32 head = _headOf(run);
        if (head == 0) revert NothingToRollBack(run);
        if (_recorders[run] != msg.sender) {
            (uint256 roster, uint256 nodes) = word.setAt(block.timestamp);
            if (seat >= nodes || _nodeAt(roster, seat) != msg.sender) revert NotOfRun(run, msg.sender);
            if (_barred[roster] & (1 << seat) != 0) revert SeatBarred(seat);
        }
        uint256 endedAtS = word.voteEndsAtS();
        if (block.timestamp <= endedAtS) revert VoteIsOpen(run, endedAtS);
        uint256 windowS = word.windowS();
        if (endedAtS != 0 && block.timestamp <= endedAtS + windowS) revert VotePauses(run, endedAtS + windowS);
        word = word.withVote(block.timestamp + windowS);
        _runs[run] = word;
        emit RollbackOpened(run, word.votes(), head, msg.sender, reason, word.voteEndsAtS());
    }

    /// @inheritdoc IModelLedger
    function rollback(
        RunId run,
        bytes calldata head,
        bytes32 target,
        uint256 height,
        bytes32 entry,
        bytes32[] calldata proof,
        Quorum calldata quorum
    ) external {
        RunWord word = _known(run);
        if (block.timestamp > word.voteEndsAtS()) revert NoVoteOpen(run, word.voteEndsAtS());
        bytes32 headId = _requireHead(_headOf(run), head);
        if (entry == 0 || entry == NO_HEAD || entry == headId) revert EntryInvalid("entry");
        if (!PlacedTree.holds(head.history(), head.height(), height, target, proof)) {
            revert TargetNotInHistory(target, headId);
        }
        uint256 vote = word.votes();
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(VOTE, run, headId, target, entry, vote)));
        _requireQuorum(word, digest, quorum);
        _heads[run] = entry;
        emit RolledBack(run, vote, headId, target, entry);
    }

    /// @inheritdoc IModelLedger
    function nodesChange(RunId run, address[] calldata nodes, Quorum calldata quorum) external {
        RunWord word = _known(run);
        bytes32 set = keccak256(abi.encodePacked(nodes));
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(NODE_SET, run, set, word.lastRoster())));
        _requireQuorum(word, digest, quorum);
        uint256 roster = _writeRoster(nodes);
        uint256 endsAtS = word.voteEndsAtS();
        uint256 changesAtS = block.timestamp <= endsAtS ? endsAtS + 1 : block.timestamp;
        _runs[run] = word.withNext(block.timestamp, roster, nodes.length, changesAtS);
        emit NodesAgreed(run, roster, nodes, changesAtS);
    }

    /// @inheritdoc IModelLedger
    function nodeBar(
        RunId run,
        uint256 seat,
        bytes32 parent,
        uint32 attempt,
        Statement calldata one,
        Statement calldata other
    ) external {
        RunWord word = _known(run);
        if (one.head == other.head) revert StatementsAgree(one.head);
        (uint256 roster, uint256 nodes) = word.setAt(block.timestamp);
        if (seat >= nodes) revert SeatUnknown(seat, nodes);
        uint256 barred = _barred[roster];
        if (barred & (1 << seat) != 0) revert SeatBarred(seat);
        address node = _nodeAt(roster, seat);
        _requireStated(node, seat, _attestation(run, parent, one.head, attempt), one.signature);
        _requireStated(node, seat, _attestation(run, parent, other.head, attempt), other.signature);
        _barred[roster] = barred | (1 << seat);
        _runs[run] = word.withBarred();
        emit NodeBarred(run, node, seat, parent, attempt);
    }

    /// @inheritdoc IModelLedger
    function runOf(RunId run) external view returns (Run memory) {
        RunWord word = _known(run);
        (uint256 roster, uint256 nodes) = word.setAt(block.timestamp);
        uint256 next = word.nextRoster();
        return
            Run({
                recorder: _recorders[run],
                roster: roster,
                nodes: nodes,
                nextRoster: next != roster ? next : 0,
                changesAtS: word.changesAtS(),
                quorumPpm: word.quorumPpm(),
                difficultyBits: word.difficultyBits(),
                windowS: word.windowS(),
                votes: word.votes(),
                voteEndsAtS: word.voteEndsAtS(),
                barred: _barred[roster],
                head: _headOf(run),
                recorded: _recorded[run]
            });
    }

    /// @inheritdoc IModelLedger
    function nodesOf(RunId run) external view returns (address[] memory nodes) {
        (uint256 roster, uint256 count) = _known(run).setAt(block.timestamp);
        nodes = new address[](count);
        for (uint256 seat = 0; seat < count; ++seat) {
            nodes[seat] = _nodeAt(roster, seat);
        }
    }

    /// @inheritdoc IModelLedger
    function isIncluded(
        RunId run,
        bytes calldata head,
        bytes32 entry,
        uint256 height,
        bytes32[] calldata proof
    ) external view returns (bool) {
        bytes32 headId = _isHeader(head) ? head.id() : bytes32(0);
        if (headId == 0 || (headId != _headOf(run) && headId != _recorded[run])) return false;
        return PlacedTree.holds(head.history(), head.height(), height, entry, proof);
    }

    /// @dev The run's head, zero while it has none.
    function _headOf(RunId run) private view returns (bytes32 head) {
        head = _heads[run];
        if (head == NO_HEAD) head = 0;
    }

    function _known(RunId run) private view returns (RunWord word) {
        word = _runs[run];
        if (!word.exists()) revert RunUnknown(run);
    }

    function _attestation(RunId run, bytes32 parent, bytes32 head, uint32 attempt) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ATTESTATION, run, parent, head, attempt)));
    }

    /// @dev Reverts unless `header` is an epoch that goes on from the head `before`, whose header is `parent`.
    function _requireFollows(RunId run, bytes32 before, bytes calldata parent, bytes calldata header) private pure {
        if (!_isHeader(header)) revert EntryInvalid("length");
        if (RunId.unwrap(header.run()) != RunId.unwrap(run)) revert EntryInvalid("run");
        if (header.parent() != before) revert HeaderStale(header.parent(), before);
        uint256 height = 0;
        bytes32 base = before;
        if (before != 0) {
            _requireHead(before, parent);
            height = parent.height() + 1;
            if (parent.kind() != Headers.EPOCH) base = parent.base();
        }
        if (header.height() != height) revert EntryInvalid("height");
        if (header.base() != base) revert EntryInvalid("base");
        if (header.kind() != Headers.EPOCH) revert EntryInvalid("kind");
        if (header.accuracyPpm() > Bounds.PPM) revert EntryInvalid("accuracyPpm");
    }

    /// @dev Reverts unless `header` is the one that `head` names; returns `head`.
    function _requireHead(bytes32 head, bytes calldata header) private pure returns (bytes32) {
        if (!_isHeader(header)) revert EntryInvalid("length");
        bytes32 given = header.id();
        if (given != head) revert HeaderStale(given, head);
        return head;
    }

    function _isHeader(bytes calldata header) private pure returns (bool) {
        return header.length == Headers.SIZE;
    }

    /// @dev Reverts unless enough nodes of the present set stand for the digest.
    function _requireQuorum(RunWord word, bytes32 digest, Quorum calldata quorum) private view {
        (uint256 roster, uint256 nodes) = word.setAt(block.timestamp);
        (uint256 signers, uint256 endorsers) = (quorum.signers, quorum.endorsers);
        uint256 all = signers | endorsers;
        if (all >> nodes != 0) revert SeatUnknown(_lowest(all >> nodes) + nodes, nodes);
        if (signers & endorsers != 0) revert SeatTwice(_lowest(signers & endorsers));
        if (word.barred()) {
            uint256 barred = all & _barred[roster];
            if (barred != 0) revert SeatBarred(_lowest(barred));
        }
        uint256 members = Rosters.load(Rosters.addressOf(address(this), roster), nodes);
        uint256 agreed = _countSigners(members, digest, signers, quorum.signatures);
        if (endorsers != 0) agreed += _countEndorsers(members, digest, endorsers);
        uint256 needed = (word.quorumPpm() * nodes + Bounds.PPM - 1) / Bounds.PPM;
        if (agreed < needed) revert QuorumMissing(agreed, needed);
    }

    /// @dev Seats with a bit in `signers`; reverts when one of them did not sign.
    function _countSigners(
        uint256 members,
        bytes32 digest,
        uint256 signers,
        bytes calldata signatures
    ) private view returns (uint256 count) {
        unchecked {
            uint256 at = Calldata.start(signatures);
            for (uint256 seat = 0; signers != 0; ++seat) {
                if (signers & 1 != 0) {
                    // a signature beyond the end is read as other calldata or zero; the length tells, below
                    if (!Signatures.isBy(Rosters.memberIn(members, seat), digest, at)) revert SignatureInvalid(seat, digest);
                    at += Signatures.SIZE;
                    ++count;
                }
                signers >>= 1;
            }
            uint256 bytesNeeded = count * Signatures.SIZE;
            if (signatures.length != bytesNeeded) revert SignaturesMalformed(signatures.length, bytesNeeded);
        }
    }

    function _countEndorsers(uint256 members, bytes32 digest, uint256 endorsers) private view returns (uint256 count) {
        mapping(address => bool) storage endorsed = _endorsed[digest];
        for (uint256 seat = 0; endorsers != 0; ++seat) {
            if (endorsers & 1 != 0) {
                if (!endorsed[Rosters.memberIn(members, seat)]) revert EndorsementMissing(seat, digest);
                ++count;
            }
            endorsers >>= 1;
        }
    }

    /// @dev Reverts unless the node signed or endorsed the digest.
    function _requireStated(address node, uint256 seat, bytes32 digest, bytes calldata signature) private view {
        if (signature.length == 0) {
            if (!_endorsed[digest][node]) revert EndorsementMissing(seat, digest);
            return;
        }
        if (signature.length != Signatures.SIZE) revert SignaturesMalformed(signature.length, Signatures.SIZE);
        if (!Signatures.isBy(node, digest, Calldata.start(signature))) revert SignatureInvalid(seat, digest);
    }

    /// @dev Puts a node set down as code; returns its number.
    function _writeRoster(address[] calldata nodes) private returns (uint256 roster) {
        uint256 size = nodes.length;
        if (size == 0 || size > Bounds.MAX_NODES) revert NodeCountOutOfRange(size, Bounds.MAX_NODES);
        address last = address(0);
        for (uint256 seat = 0; seat < size; ++seat) {
            if (nodes[seat] <= last) revert NodesUnordered(seat);
            last = nodes[seat];
        }
        roster = ++_rosters;
        if (Rosters.write(nodes) != Rosters.addressOf(address(this), roster)) revert NodesFailed();
    }

    function _nodeAt(uint256 roster, uint256 seat) private view returns (address) {
        return Rosters.memberAt(Rosters.addressOf(address(this), roster), seat);
    }

    function _lowest(uint256 bits) private pure returns (uint256 seat) {
        for (; bits & 1 != 1; bits >>= 1) {
            ++seat;
        }
    }
}
