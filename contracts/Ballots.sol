// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Submissions} from "./Submissions.sol";
import {IBallots} from "./interfaces/IBallots.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Phases} from "./libraries/Phases.sol";
import {Rosters} from "./libraries/Rosters.sol";
import {Seals} from "./libraries/Seals.sol";
import {Tally} from "./libraries/Tally.sol";
import {DrawWord} from "./types/DrawWord.sol";
import {LateWord, LateWords} from "./types/LateWord.sol";
import {Panel, Panels} from "./types/Panel.sol";
import {Phase} from "./types/Phase.sol";
import {TaskId} from "./types/TaskId.sol";
import {TaskWord} from "./types/TaskWord.sol";

/// @title Stage vote
abstract contract Ballots is Submissions, EIP712, IBallots {
    using Calldata for bytes;

    bytes32 private constant BALLOT_TYPE = keccak256("Ballot(bytes32 task,bytes32 seal)");
    uint256 private constant SEALED_BYTES = 99; // seat, seal, signature
    uint256 private constant BALLOT_BYTES = 34; // seat, seal

    /// @dev The panel at hand while a batch is counted.
    struct PanelCursor {
        uint256 number;
        Panel panel;
    }

    mapping(TaskId task => mapping(uint256 number => Panel)) internal _panels;
    mapping(TaskId task => mapping(address verifier => uint256 sealAndPlace)) private _ballots;
    mapping(TaskId task => LateWord) internal _lates;

    /// @inheritdoc IBallots
    function voteSeal(TaskId task, uint256 seat, bytes32 seal) external {
        DrawWord drawn = _requireVote(task);
        if (msg.sender != Rosters.memberAt(_rosterOf(drawn), seat)) revert NotSeated(seat, msg.sender);
        uint256 place = _placeOf(drawn, seat);
        if (place >= drawn.committee()) revert NotDrawn(seat);
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
        (uint256 number, uint256 member, Panel panel) = _openBallot(task, scores, salt);
        _panels[task][number] = panel.withOpened(member);
    }

    /// @inheritdoc IBallots
    function voteSealMany(TaskId task, bytes calldata entries) external {
        if (entries.length == 0 || entries.length % SEALED_BYTES != 0) revert BatchMalformed(entries.length);
        DrawWord drawn = _requireVote(task);
        bytes memory ballots = _sealEntries(task, drawn, entries);
        if (ballots.length == 0) revert BatchEmpty();
        bytes32 root = keccak256(ballots);
        _lates[task] = _lates[task].withBatch(root);
        emit BallotsSealed(task, root, ballots);
    }

    /// @inheritdoc IBallots
    function voteOpenMany(TaskId task, bytes32[] calldata roots, uint256 which, bytes calldata entries) external {
        DrawWord drawn = _requireBallot(task);
        LateWord chain = LateWords.NO_BATCH;
        for (uint256 i = 0; i < roots.length; ++i) chain = chain.withBatch(roots[i]);
        if (roots.length <= which || LateWord.unwrap(chain) != LateWord.unwrap(_lates[task])) {
            revert BatchesMismatch(task);
        }
        (bytes32 root, bytes memory opened) = _openEntries(task, drawn, entries);
        if (root != roots[which]) revert BatchUnknown(task, root);
        if (opened.length == 0) revert BatchEmpty();
        emit BallotsOpened(task, opened);
    }

    /// @inheritdoc IBallots
    function ballotDigest(TaskId task, bytes32 seal) external view returns (bytes32) {
        return _hashTypedDataV4(_ballotHash(task, seal));
    }

    /// @inheritdoc IBallots
    function ballotSeal(
        TaskId task,
        address verifier,
        bytes calldata scores,
        bytes16 salt
    ) external view returns (bytes32) {
        return Seals.ballotFrom(Seals.ballotPreimage(task), verifier, scores, salt);
    }

    /// @inheritdoc IBallots
    function panelOf(TaskId task, uint256 number) external view returns (Panel) {
        return _panels[task][number];
    }

    /// @inheritdoc IBallots
    function votesOf(TaskId task, uint256 index) external view returns (uint256 votesFor, bool accepted) {
        TaskWord word = _tasks[task];
        if (!word.isDrawn() || index >= Bounds.MAX_MODELS) return (0, false);
        uint256 committee = word.drawn().committee();
        for (uint256 i = 0; i * Bounds.PANEL < committee; ++i) votesFor += _panels[task][i].votes(index);
        accepted = Tally.accepted(votesFor, committee) && !_panels[task][0].isStruck(index);
    }

    /// @inheritdoc IBallots
    function median(uint24[] memory scoresPpm) external pure returns (uint24) {
        return Tally.median(scoresPpm);
    }

    function _openVote(TaskId task) internal override {
        _panels[task][0] = Panel.wrap(Panel.unwrap(_panels[task][0]) | Panel.unwrap(Panels.EMPTY));
        _lates[task] = LateWords.NO_BATCH;
    }

    function _strike(TaskId task, uint256 index) internal override {
        _panels[task][0] = _panels[task][0].withStruck(index);
    }

    function _rosterOf(DrawWord drawn) internal view returns (address) {
        return Rosters.addressOf(address(membership), drawn.roster());
    }

    /// @dev Opens the sender's ballot and counts it; the caller marks the member in the panel and stores it.
    function _openBallot(
        TaskId task,
        bytes calldata scores,
        bytes16 salt
    ) internal returns (uint256 number, uint256 member, Panel panel) {
        DrawWord drawn = _requireBallot(task);
        uint256 stored = _ballots[task][msg.sender];
        if (stored == 0) revert BallotNotSealed(task, msg.sender);
        uint256 seat = uint16(stored);
        bytes32 seal = Seals.ballotFrom(Seals.ballotPreimage(task), msg.sender, scores, salt);
        if (stored != _sealAndSeat(seal, seat)) revert BallotSealMismatch(task, msg.sender);
        uint256 bytesNeeded = 3 * drawn.models();
        if (scores.length != bytesNeeded) revert ScoreCountMismatch(scores.length, bytesNeeded);
        delete _ballots[task][msg.sender];
        uint256 place = _placeOf(drawn, seat);
        (number, member) = (place / Bounds.PANEL, place % Bounds.PANEL);
        panel = _count(_panels[task][number], drawn, scores);
        emit BallotOpened(task, msg.sender, scores);
    }

    function _requireVote(TaskId task) private view returns (DrawWord) {
        TaskWord word = _tasks[task];
        _requirePhase(task, Phases.at(word, block.timestamp), Phase.Vote);
        return word.drawn();
    }

    function _requireBallot(TaskId task) private view returns (DrawWord) {
        TaskWord word = _tasks[task];
        _requirePhase(task, Phases.at(word, block.timestamp), Phase.Ballot);
        return word.drawn();
    }

    /// @dev Marks the ballots of a batch that can be taken, and packs them as the event and the root have them.
    function _sealEntries(
        TaskId task,
        DrawWord drawn,
        bytes calldata entries
    ) private returns (bytes memory ballots) {
        bytes memory roster = Rosters.load(_rosterOf(drawn), drawn.poolSize());
        bytes32 domain = _domainSeparatorV4();
        ballots = new bytes(entries.length); // BALLOT_BYTES for each entry of SEALED_BYTES
        uint256 length = 0;
        PanelCursor memory cursor = PanelCursor(0, _panels[task][0]);
        for (uint256 at = 0; at < entries.length; at += SEALED_BYTES) {
            uint256 seat = entries.u16(at);
            uint256 place = _placeOf(drawn, seat);
            if (place >= drawn.committee()) continue;
            uint256 member = _moveTo(task, cursor, place);
            if (cursor.panel.isSealed(member)) continue;
            address verifier = Rosters.memberIn(roster, seat);
            if (_isContributor(task, drawn, verifier)) continue;
            unchecked {
                bytes32 seal = entries.word(at + 2);
                bytes32 digest = MessageHashUtils.toTypedDataHash(domain, _ballotHash(task, seal));
                if (!_hasSigned(verifier, digest, entries.slice(at + BALLOT_BYTES, 65))) continue;
                cursor.panel = cursor.panel.withSealed(member);
                _put(ballots, length, seat, seal);
                length += BALLOT_BYTES;
            }
        }
        _panels[task][cursor.number] = cursor.panel;
        assembly ("memory-safe") {
            mstore(ballots, length)
        }
    }

    /// @dev Counts the opened entries of a batch and rebuilds its root.
    /// @return root of the batch as it was sealed
    /// @return opened seat and scores of every ballot counted now
    function _openEntries(
        TaskId task,
        DrawWord drawn,
        bytes calldata entries
    ) private returns (bytes32 root, bytes memory opened) {
        bytes memory roster = Rosters.load(_rosterOf(drawn), drawn.poolSize());
        uint256 scoreBytes = 3 * drawn.models();
        bytes memory preimage = Seals.ballotPreimage(task);
        bytes memory ballots = new bytes(2 * entries.length + 64); // 34 bytes for each entry of 22 or more
        opened = new bytes(entries.length + 64);
        assembly ("memory-safe") {
            mstore(opened, 0) // filled by _append
        }
        uint256 length = 0;
        PanelCursor memory cursor = PanelCursor(0, _panels[task][0]);
        uint256 at = 0;
        while (at < entries.length) {
            uint256 seat = entries.u16(at + 1);
            bytes32 seal = entries.word(at + 3);
            unchecked {
                if (uint256(entries.word(at)) >> 248 == 0) {
                    at += 35;
                } else {
                    uint256 place = _placeOf(drawn, seat);
                    if (place >= drawn.committee()) revert NotDrawn(seat);
                    bytes calldata scores = entries.slice(at + 19, scoreBytes);
                    seal = Seals.ballotFrom(preimage, Rosters.memberIn(roster, seat), scores, bytes16(seal));
                    uint256 member = _moveTo(task, cursor, place);
                    if (!cursor.panel.isOpened(member)) {
                        cursor.panel = _count(cursor.panel.withOpened(member), drawn, scores);
                        _append(opened, seat, scores);
                    }
                    at += 19 + scoreBytes;
                }
                _put(ballots, length, seat, seal);
                length += BALLOT_BYTES;
            }
        }
        if (at != entries.length) revert BatchMalformed(entries.length);
        _panels[task][cursor.number] = cursor.panel;
        assembly ("memory-safe") {
            root := keccak256(add(ballots, 32), length)
        }
    }

    /// @dev Brings the panel of `place` under the cursor, and says which of its members that is.
    function _moveTo(TaskId task, PanelCursor memory cursor, uint256 place) private returns (uint256 member) {
        unchecked {
            uint256 number = place / Bounds.PANEL;
            if (number != cursor.number) {
                _panels[task][cursor.number] = cursor.panel;
                (cursor.number, cursor.panel) = (number, _panels[task][number]);
            }
            return place % Bounds.PANEL;
        }
    }

    /// @dev Writes seat (2 bytes) and seal (32) into `packed` at `at`.
    function _put(bytes memory packed, uint256 at, uint256 seat, bytes32 seal) private pure {
        assembly ("memory-safe") {
            let to := add(add(packed, 32), at)
            mstore(to, shl(240, seat))
            mstore(add(to, 2), seal)
        }
    }

    /// @dev Appends seat (2 bytes) and scores to `packed`, whose length says how much of it is filled.
    function _append(bytes memory packed, uint256 seat, bytes calldata scores) private pure {
        assembly ("memory-safe") {
            let used := mload(packed)
            let to := add(add(packed, 32), used)
            mstore(to, shl(240, seat))
            calldatacopy(add(to, 2), scores.offset, scores.length)
            mstore(packed, add(add(used, 2), scores.length))
        }
    }

    /// @dev Adds one to every model whose score reached MAFR.
    function _count(Panel panel, DrawWord drawn, bytes calldata scores) private pure returns (Panel) {
        uint256 mafrPpm = drawn.mafrPpm();
        uint256 models = drawn.models();
        unchecked {
            for (uint256 model = 0; model < models; ++model) {
                uint256 scorePpm = scores.u24(3 * model);
                if (scorePpm > Bounds.PPM) revert BallotScoreOutOfRange(model, scorePpm);
                if (scorePpm >= mafrPpm) panel = panel.withVote(model);
            }
        }
        return panel;
    }

    function _ballotHash(TaskId task, bytes32 seal) private pure returns (bytes32) {
        bytes32 ballotType = BALLOT_TYPE;
        bytes32 hash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, ballotType)
            mstore(add(free, 32), task)
            mstore(add(free, 64), seal)
            hash := keccak256(free, 96)
        }
        return hash;
    }

    /// @dev Who opened a model of the task does not count as a member of its committee.
    function _isContributor(TaskId task, DrawWord drawn, address account) private view returns (bool) {
        return drawn.mayContribute(account) && _hasOpened(task, account);
    }

    /// @dev ECDSA first, also for accounts with code: an EIP-7702 account signs with its key. Then ERC-1271. Nothing
    /// is keyed by a signature, so that a malleable one gains nobody a second ballot.
    function _hasSigned(address verifier, bytes32 digest, bytes calldata signature) private view returns (bool) {
        uint8 v = uint8(bytes1(signature.word(64)));
        address signer = ecrecover(digest, v, signature.word(0), signature.word(32));
        if (signer == verifier && signer != address(0)) return true;
        return verifier.code.length != 0 && SignatureChecker.isValidERC1271SignatureNow(verifier, digest, signature);
    }

    /// @dev One word: the top 240 bits of the seal, and the seat.
    function _sealAndSeat(bytes32 seal, uint256 seat) private pure returns (uint256) {
        return ((uint256(seal) >> 16) << 16) | seat;
    }
}
