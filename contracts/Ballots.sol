// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Submissions} from "./Submissions.sol";
import {IBallots} from "./interfaces/IBallots.sol";
import {ISubmissions} from "./interfaces/ISubmissions.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Rosters} from "./libraries/Rosters.sol";
import {Seals} from "./libraries/Seals.sol";
import {Tally} from "./libraries/Tally.sol";
import {DrawWord} from "./types/DrawWord.sol";
import {Panel, Panels} from "./types/Panel.sol";
import {Phase} from "./types/Phase.sol";
import {SubmissionWords} from "./types/Submission.sol";
import {TaskId} from "./types/TaskId.sol";

/// @title Stage vote
abstract contract Ballots is Submissions, EIP712, IBallots {
    bytes32 private constant BALLOT_TYPE = keccak256("Ballot(bytes32 task,bytes32 seal)");
    bytes32 private constant NO_BATCH = bytes32(uint256(1)); // set at the draw, so that a batch pays for no new slot
    uint256 private constant SEALED_BYTES = 99;

    mapping(TaskId task => mapping(uint256 number => Panel)) internal _panels;
    mapping(TaskId task => mapping(address verifier => uint256 sealAndPlace)) private _ballots;
    mapping(TaskId task => bytes32 chain) private _batches; // keccak256 chain over the roots of all batches

    /// @inheritdoc IBallots
    function voteSeal(TaskId task, uint256 seat, bytes32 seal) external {
        DrawWord drawn = _requireVote(task);
        if (msg.sender != Rosters.memberAt(_rosterOf(drawn), seat)) revert NotSeated(seat, msg.sender);
        (bool isMember, uint256 place) = _place(drawn, seat);
        if (!isMember) revert NotDrawn(seat);
        if (_isContributor(task, drawn, msg.sender)) revert VerifierIsContributor(msg.sender);
        (uint256 number, uint256 member) = (place / Bounds.PANEL, place % Bounds.PANEL);
        Panel panel = _panels[task][number];
        if (panel.isSealed(member)) revert BallotAlreadySealed(task, msg.sender);
        _panels[task][number] = panel.withSealed(member);
        _ballots[task][msg.sender] = _sealAndSeat(seal, seat);
        emit BallotSealed(task, msg.sender, seat, seal);
    }

    /// @inheritdoc IBallots
    function voteOpen(TaskId task, bytes calldata scores, bytes16 salt) external {
        DrawWord drawn = _requireBallot(task);
        uint256 stored = _ballots[task][msg.sender];
        if (stored == 0) revert BallotNotSealed(task, msg.sender);
        uint256 seat = uint16(stored);
        bytes32 seal = Seals.ballot(task, msg.sender, scores, salt);
        if (stored != _sealAndSeat(seal, seat)) revert BallotSealMismatch(task, msg.sender);
        uint256 bytesNeeded = 3 * drawn.models();
        if (scores.length != bytesNeeded) revert ScoreCountMismatch(scores.length, bytesNeeded);
        (, uint256 place) = _place(drawn, seat);
        delete _ballots[task][msg.sender];
        Panel panel = _panels[task][place / Bounds.PANEL];
        _panels[task][place / Bounds.PANEL] = _count(panel.withOpened(place % Bounds.PANEL), drawn, scores);
        emit BallotOpened(task, msg.sender, seat, scores);
    }

    /// @inheritdoc IBallots
    function voteSealMany(TaskId task, bytes calldata entries) external {
        if (entries.length == 0 || entries.length % SEALED_BYTES != 0) revert BatchMalformed(entries.length);
        DrawWord drawn = _requireVote(task);
        address roster = _rosterOf(drawn);
        bytes memory ballots = new bytes((entries.length / SEALED_BYTES) * 34);
        uint256 length = 0;
        uint256 number = 0;
        Panel panel = _panels[task][0];
        for (uint256 at = 0; at < entries.length; at += SEALED_BYTES) {
            bytes calldata entry = entries[at:at + SEALED_BYTES];
            uint256 seat = uint16(bytes2(entry));
            (bool isMember, uint256 place) = _place(drawn, seat);
            if (!isMember) continue;
            if (place / Bounds.PANEL != number) {
                _panels[task][number] = panel;
                number = place / Bounds.PANEL;
                panel = _panels[task][number];
            }
            if (panel.isSealed(place % Bounds.PANEL)) continue;
            address verifier = Rosters.memberAt(roster, seat);
            if (_isContributor(task, drawn, verifier)) continue;
            if (!_hasSigned(verifier, ballotDigest(task, bytes32(entry[2:34])), entry[34:])) continue;
            panel = panel.withSealed(place % Bounds.PANEL);
            assembly ("memory-safe") {
                calldatacopy(add(add(ballots, 32), length), entry.offset, 34)
            }
            length += 34;
        }
        if (length == 0) revert BatchEmpty();
        _panels[task][number] = panel;
        assembly ("memory-safe") {
            mstore(ballots, length)
        }
        bytes32 root = keccak256(ballots);
        _batches[task] = keccak256(abi.encode(_batches[task], root));
        emit BallotsSealed(task, root, ballots);
    }

    /// @inheritdoc IBallots
    function voteOpenMany(TaskId task, bytes32[] calldata roots, uint256 which, bytes calldata entries) external {
        DrawWord drawn = _requireBallot(task);
        bytes32 chain = NO_BATCH;
        for (uint256 i = 0; i < roots.length; ++i) chain = keccak256(abi.encode(chain, roots[i]));
        if (roots.length <= which || chain != _batches[task]) revert BatchUnknown(task, chain);
        (bytes32 root, bytes memory opened) = _openEntries(task, drawn, entries);
        if (root != roots[which]) revert BatchUnknown(task, root);
        if (opened.length == 0) revert BatchEmpty();
        emit BallotsOpened(task, opened);
    }

    /// @inheritdoc IBallots
    function ballotDigest(TaskId task, bytes32 seal) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(BALLOT_TYPE, task, seal)));
    }

    /// @inheritdoc IBallots
    function ballotSeal(
        TaskId task,
        address verifier,
        bytes calldata scores,
        bytes16 salt
    ) external view returns (bytes32) {
        return Seals.ballot(task, verifier, scores, salt);
    }

    /// @inheritdoc IBallots
    function panelOf(TaskId task, uint256 number) external view returns (Panel) {
        return _panels[task][number];
    }

    /// @inheritdoc IBallots
    function votesOf(TaskId task, uint256 index) external view returns (uint256 votesFor, bool accepted) {
        uint256 committee = _draws[task].committee();
        if (index >= Bounds.MAX_MODELS) return (0, false);
        for (uint256 i = 0; i * Bounds.PANEL < committee; ++i) votesFor += _panels[task][i].votes(index);
        accepted = Tally.accepted(votesFor, committee) && !_panels[task][0].isStruck(index);
    }

    /// @inheritdoc IBallots
    function median(uint24[] memory scoresPpm) external pure returns (uint24) {
        return Tally.median(scoresPpm);
    }

    function _openVote(TaskId task) internal override {
        _panels[task][0] = Panel.wrap(Panel.unwrap(_panels[task][0]) | Panel.unwrap(Panels.EMPTY));
        _batches[task] = NO_BATCH;
    }

    function _strike(TaskId task, uint256 index) internal override {
        _panels[task][0] = _panels[task][0].withStruck(index);
    }

    function _rosterOf(DrawWord drawn) internal view returns (address) {
        return Rosters.addressOf(address(membership), drawn.roster());
    }

    function _requireVote(TaskId task) private view returns (DrawWord drawn) {
        drawn = _draws[task];
        if (block.timestamp >= drawn.voteEndsAt()) revert WrongPhase(task, phaseOf(task), Phase.Vote);
    }

    function _requireBallot(TaskId task) private view returns (DrawWord drawn) {
        drawn = _draws[task];
        if (block.timestamp < drawn.voteEndsAt() || block.timestamp >= drawn.ballotEndsAt()) {
            revert WrongPhase(task, phaseOf(task), Phase.Ballot);
        }
    }

    /// @dev Counts the opened entries and rebuilds the root of their batch.
    function _openEntries(
        TaskId task,
        DrawWord drawn,
        bytes calldata entries
    ) private returns (bytes32 root, bytes memory opened) {
        address roster = _rosterOf(drawn);
        uint256 scoreBytes = 3 * drawn.models();
        bytes memory ballots = new bytes(entries.length + 34); // an opened entry may be shorter than its sealed form
        uint256 length = 0;
        uint256 number = 0;
        Panel panel = _panels[task][0];
        while (entries.length != 0) {
            bool isOpen = entries[0] != 0;
            uint256 size = isOpen ? 19 + scoreBytes : 35;
            if (entries.length < size) revert BatchMalformed(entries.length);
            uint256 seat = uint16(bytes2(entries[1:3]));
            bytes32 seal = isOpen ? bytes32(0) : bytes32(entries[3:35]);
            if (isOpen) {
                bytes calldata scores = entries[19:size];
                seal = Seals.ballot(task, Rosters.memberAt(roster, seat), scores, bytes16(entries[3:19]));
                (, uint256 place) = _place(drawn, seat);
                if (place / Bounds.PANEL != number) {
                    _panels[task][number] = panel;
                    number = place / Bounds.PANEL;
                    panel = _panels[task][number];
                }
                if (!panel.isOpened(place % Bounds.PANEL)) {
                    panel = _count(panel.withOpened(place % Bounds.PANEL), drawn, scores);
                    opened = bytes.concat(opened, bytes2(uint16(seat)), scores);
                }
            }
            ballots = length + 34 > ballots.length ? bytes.concat(ballots, new bytes(ballots.length)) : ballots;
            assembly ("memory-safe") {
                let to := add(add(ballots, 32), length)
                mstore(to, shl(240, seat))
                mstore(add(to, 2), seal)
            }
            length += 34;
            entries = entries[size:];
        }
        _panels[task][number] = panel;
        assembly ("memory-safe") {
            root := keccak256(add(ballots, 32), length)
        }
    }

    /// @dev Adds one to every model whose score reached MAFR.
    function _count(Panel panel, DrawWord drawn, bytes calldata scores) private pure returns (Panel) {
        uint256 mafrPpm = drawn.mafrPpm();
        for (uint256 model = 0; 3 * model < scores.length; ++model) {
            uint256 scorePpm = uint24(bytes3(scores[3 * model:3 * model + 3]));
            if (scorePpm > Bounds.PPM) revert BallotScoreOutOfRange(model, scorePpm);
            if (scorePpm >= mafrPpm) panel = panel.withVote(model);
        }
        return panel;
    }

    /// @dev Who opened a model of the task does not count as a member of its committee.
    function _isContributor(TaskId task, DrawWord drawn, address account) private view returns (bool) {
        return drawn.mayContribute(account) && _submissions[task][account].state() > SubmissionWords.SEALED;
    }

    /// @dev ECDSA first, also for accounts with code: an EIP-7702 account signs with its key. Then ERC-1271.
    function _hasSigned(address verifier, bytes32 digest, bytes calldata signature) private view returns (bool) {
        (address signer, , ) = ECDSA.tryRecover(
            digest,
            uint8(signature[64]),
            bytes32(signature[:32]),
            bytes32(signature[32:64])
        );
        if (signer == verifier && signer != address(0)) return true;
        return verifier.code.length != 0 && SignatureChecker.isValidERC1271SignatureNow(verifier, digest, signature);
    }

    /// @dev One word: the top 240 bits of the seal, and the seat.
    function _sealAndSeat(bytes32 seal, uint256 seat) private pure returns (uint256) {
        return ((uint256(seal) >> 16) << 16) | seat;
    }
}
