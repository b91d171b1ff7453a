// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Submissions} from "./Submissions.sol";
import {IBallots} from "./interfaces/IBallots.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Buffers} from "./libraries/Buffers.sol";
import {Calldata} from "./libraries/Calldata.sol";
import {Digests} from "./libraries/Digests.sol";
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
abstract contract Ballots is Submissions, IBallots {
    bytes32 private constant BALLOT_TYPE = keccak256("Ballot(bytes32 task,bytes32 seal)");
    uint256 private constant SIGNED_BYTES = 99; // seat, seal, signature
    uint256 private constant BALLOT_BYTES = 34; // seat, seal
    uint256 private constant STILL_SEALED = 0x8000; // added to the seat of a ballot that is not opened now

    uint256 private constant NOT_DRAWN = type(uint256).max;

    /// @dev A batch while it is counted.
    struct Count {
        TaskId task;
        DrawWord drawn;
        uint256 number; // of the panel at hand, a local variable
        uint256 direct; // seats below it are members of the panel at hand, by their own number
        uint256 scoreBytes; // of a ballot
        bytes32 scoresHash; // of the ballot counted last
        uint256 votes; // of that one: verifiers who agree to the digit are counted alike
    }

    mapping(TaskId task => mapping(uint256 number => Panel)) internal _panels;
    mapping(TaskId task => mapping(address verifier => uint256 sealAndPlace)) private _ballots;
    mapping(TaskId task => LateWord) internal _lates;

    /// @inheritdoc IBallots
    function voteSeal(TaskId task, uint256 seat, bytes32 seal) external {
        DrawWord drawn = _requireNow(task, Phase.Vote).drawn();
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
        _requireEntries(entries, SIGNED_BYTES);
        DrawWord drawn = _requireNow(task, Phase.Vote).drawn();
        bytes memory ballots = _sealEntries(task, drawn, entries);
        if (ballots.length == 0) revert BatchEmpty();
        _lates[task] = _lates[task].withBatch(keccak256(ballots));
        emit BallotsSealed(task, ballots);
    }

    /// @inheritdoc IBallots
    function voteOpenMany(
        TaskId task,
        LateWord earlier,
        bytes calldata entries,
        bytes32[] calldata later
    ) external {
        DrawWord drawn = _requireNow(task, Phase.Ballot).drawn();
        (bytes32 root, bytes memory opened) = _openEntries(task, drawn, entries);
        LateWord chain = earlier.withBatch(root);
        for (uint256 i = 0; i < later.length; ++i) chain = chain.withBatch(later[i]);
        if (LateWord.unwrap(chain) != LateWord.unwrap(_lates[task])) revert BatchUnknown(task, root);
        if (opened.length == 0) revert BatchEmpty();
        emit BallotsOpened(task, opened);
    }

    /// @inheritdoc IBallots
    function ballotDigest(TaskId task, bytes32 seal) external view returns (bytes32) {
        return Digests.digestOf(_digestPreimage(BALLOT_TYPE, task), seal);
    }

    /// @inheritdoc IBallots
    function ballotSeal(
        TaskId task,
        address verifier,
        bytes calldata scores,
        bytes16 salt
    ) external view returns (bytes32) {
        return _ballotSeal(task, verifier, scores, salt);
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
        DrawWord drawn = _requireNow(task, Phase.Ballot).drawn();
        uint256 stored = _ballots[task][msg.sender];
        if (stored == 0) revert BallotNotSealed(task, msg.sender);
        uint256 seat = uint16(stored);
        bytes32 seal = _ballotSeal(task, msg.sender, scores, salt);
        if (stored != _sealAndSeat(seal, seat)) revert BallotSealMismatch(task, msg.sender);
        uint256 bytesNeeded = 3 * drawn.models();
        if (scores.length != bytesNeeded) revert ScoreCountMismatch(scores.length, bytesNeeded);
        delete _ballots[task][msg.sender];
        uint256 from = Calldata.start(scores);
        uint256 place = _placeOf(drawn, seat);
        (number, member) = (place / Bounds.PANEL, place % Bounds.PANEL);
        panel = _panels[task][number].withVotes(_votes(drawn, from, from + bytesNeeded));
        emit BallotOpened(task, msg.sender, scores);
    }

    function _ballotSeal(
        TaskId task,
        address verifier,
        bytes calldata scores,
        bytes16 salt
    ) private view returns (bytes32) {
        return Seals.ballotFrom(Seals.ballotPreimage(task), verifier, scores, salt);
    }

    /// @dev Marks the ballots of a batch that can be taken, and packs them as the event and the root have them.
    function _sealEntries(
        TaskId task,
        DrawWord drawn,
        bytes calldata entries
    ) private returns (bytes memory ballots) {
        (Count memory count, uint256 roster, Panel panel) = _newCount(task, drawn);
        uint256 preimage = _digestPreimage(BALLOT_TYPE, task);
        ballots = Buffers.allocate(entries.length); // BALLOT_BYTES for each entry of SIGNED_BYTES
        uint256 to = Buffers.start(ballots);
        unchecked {
            uint256 at = Calldata.start(entries);
            for (uint256 end = at + entries.length; at < end; at += SIGNED_BYTES) {
                uint256 seat = Calldata.u16(at);
                uint256 member = seat;
                if (seat >= count.direct) {
                    (member, panel) = _seek(count, panel, seat);
                    if (member == NOT_DRAWN) continue;
                }
                if (panel.isSealed(member)) continue;
                address verifier = Rosters.memberIn(roster, seat);
                if (drawn.mayContribute(verifier)) {
                    if (_hasOpened(count.task, verifier)) continue;
                }
                if (!_hasSignedByKey(verifier, preimage, at)) {
                    if (!_hasSignedByCode(verifier, preimage, at)) continue;
                }
                panel = panel.withSealed(member);
                assembly ("memory-safe") {
                    calldatacopy(to, at, BALLOT_BYTES)
                }
                to += BALLOT_BYTES;
            }
        }
        _panels[count.task][count.number] = panel;
        Buffers.endAt(ballots, to);
    }

    /// @dev Counts the opened entries of a batch and rebuilds its root.
    /// @return root of the batch as it was sealed
    /// @return opened seat and scores of every ballot counted now
    function _openEntries(
        TaskId task,
        DrawWord drawn,
        bytes calldata entries
    ) private returns (bytes32 root, bytes memory opened) {
        (Count memory count, uint256 roster, Panel panel) = _newCount(task, drawn);
        uint256 preimage = Seals.ballotPreimage(task);
        unchecked {
            bytes memory ballots = Buffers.allocate(2 * entries.length + 64); // 34 bytes for each entry of 21 or more
            opened = Buffers.allocate(entries.length + 64);
            (uint256 ballotsTo, uint256 openedTo) = (Buffers.start(ballots), Buffers.start(opened));
            uint256 scoreBytes = count.scoreBytes;
            uint256 at = Calldata.start(entries);
            uint256 end = at + entries.length;
            while (at < end) {
                uint256 seat = Calldata.u16(at);
                uint256 member = seat;
                if (seat >= count.direct) {
                    if (seat >= STILL_SEALED) {
                        assembly ("memory-safe") {
                            calldatacopy(ballotsTo, at, BALLOT_BYTES)
                            mstore8(ballotsTo, shr(8, sub(seat, STILL_SEALED))) // without the mark
                        }
                        ballotsTo += BALLOT_BYTES;
                        at += BALLOT_BYTES;
                        continue;
                    }
                    (member, panel) = _seek(count, panel, seat);
                    if (member == NOT_DRAWN) revert NotDrawn(seat);
                }
                address verifier = Rosters.memberIn(roster, seat);
                bytes32 scoresHash = Seals.ballotAt(preimage, verifier, at, scoreBytes, ballotsTo, openedTo);
                ballotsTo += BALLOT_BYTES;
                at += 18 + scoreBytes;
                if (panel.isOpened(member)) continue;
                if (scoresHash != count.scoresHash) {
                    (count.scoresHash, count.votes) = (scoresHash, _votes(count.drawn, at - scoreBytes, at));
                }
                panel = panel.withOpened(member).withVotes(count.votes);
                openedTo += 2 + scoreBytes;
            }
            if (at != end) revert BatchMalformed(entries.length);
            Buffers.endAt(ballots, ballotsTo);
            Buffers.endAt(opened, openedTo);
            root = keccak256(ballots);
        }
        _panels[count.task][count.number] = panel;
    }

    /// @return count with nothing counted yet
    /// @return roster where its members stand in memory
    /// @return panel the first, at hand
    function _newCount(
        TaskId task,
        DrawWord drawn
    ) private view returns (Count memory count, uint256 roster, Panel panel) {
        count.task = task;
        count.drawn = drawn;
        count.direct = drawn.directSeats();
        unchecked {
            count.scoreBytes = 3 * drawn.models(); // at most 3 * Bounds.MAX_MODELS
        }
        panel = _panels[task][0];
        roster = Rosters.load(_rosterOf(drawn), drawn.poolSize());
    }

    /// @dev Brings the panel of `seat` to hand.
    /// @return member of that panel that sits there, or NOT_DRAWN
    function _seek(Count memory count, Panel panel, uint256 seat) private returns (uint256 member, Panel) {
        uint256 place = _placeOf(count.drawn, seat);
        if (place >= count.drawn.committee()) return (NOT_DRAWN, panel);
        uint256 number = place / Bounds.PANEL;
        if (number != count.number) {
            mapping(uint256 => Panel) storage panels = _panels[count.task];
            panels[count.number] = panel;
            panel = panels[number];
            (count.number, count.direct) = (number, 0);
        }
        return (place % Bounds.PANEL, panel);
    }

    /// @dev One for every model whose score reached MAFR, six bits a model: what Panel.withVotes adds.
    /// @param from where the scores begin in calldata
    /// @param end where they end
    function _votes(DrawWord drawn, uint256 from, uint256 end) private pure returns (uint256 votes) {
        uint256 mafrPpm = drawn.mafrPpm();
        uint256 maxPpm = Bounds.PPM;
        bool outOfRange = false;
        assembly ("memory-safe") {
            // from the last model to the first, which ends up lowest
            for { let at := end } gt(at, from) {} {
                at := sub(at, 3)
                let scorePpm := shr(232, calldataload(at))
                outOfRange := or(outOfRange, gt(scorePpm, maxPpm))
                votes := or(shl(6, votes), iszero(lt(scorePpm, mafrPpm)))
            }
        }
        if (outOfRange) _refuse(from);
    }

    /// @dev Reverts with the first score beyond one.
    function _refuse(uint256 from) private pure {
        for (uint256 model = 0; ; ++model) {
            uint256 scorePpm = Calldata.u24(from + 3 * model);
            if (scorePpm > Bounds.PPM) revert BallotScoreOutOfRange(model, scorePpm);
        }
    }

    /// @dev Who opened a model of the task does not count as a member of its committee.
    function _isContributor(TaskId task, DrawWord drawn, address account) private view returns (bool) {
        return drawn.mayContribute(account) && _hasOpened(task, account);
    }

    /// @dev ECDSA comes first, also for accounts with code: an EIP-7702 account signs with its key. Then ERC-1271.
    /// Nothing is keyed by a signature, so that a malleable one gains nobody a second ballot.
    ///
    /// verifier == ecrecover(Digests.digestOf(preimage, seal), v, r, s), in one piece.
    /// @param at where the entry (seat, seal, signature) stands in calldata
    function _hasSignedByKey(
        address verifier,
        uint256 preimage,
        uint256 at
    ) private view returns (bool hasSigned) {
        assembly ("memory-safe") {
            calldatacopy(add(preimage, 64), add(at, 2), 32) // seal
            mstore(add(preimage, 130), keccak256(preimage, 96))
            let free := mload(0x40)
            mstore(free, keccak256(add(preimage, 96), 66))
            mstore(add(free, 32), byte(0, calldataload(add(at, 98)))) // v
            calldatacopy(add(free, 64), add(at, 34), 64) // r, s
            mstore(0, 0) // stays when nobody can have signed
            if iszero(staticcall(gas(), 1, free, 128, 0, 32)) {
                revert(0, 0)
            }
            let signer := mload(0)
            hasSigned := and(eq(signer, verifier), gt(signer, 0))
        }
    }

    /// @dev Asks an ERC-1271 wallet as OpenZeppelin's SignatureChecker does, but with bounded gas, so that it can spoil
    /// its own entry only. A submitter cannot, by too little gas: the 64th that is left then does not store the batch.
    function _hasSignedByCode(
        address verifier,
        uint256 preimage,
        uint256 at
    ) private view returns (bool hasSigned) {
        if (verifier.code.length == 0) return false;
        bytes32 digest = Digests.digestOf(preimage, Calldata.word(at + 2));
        bytes calldata signature = Calldata.slice(at + BALLOT_BYTES, 65);
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        uint256 gasLimit = Bounds.SIGNATURE_GAS;
        bytes32 magic = IERC1271.isValidSignature.selector;
        assembly ("memory-safe") {
            let ok := staticcall(gasLimit, verifier, add(question, 32), mload(question), 0, 32)
            hasSigned := and(ok, and(gt(returndatasize(), 31), eq(mload(0), magic)))
        }
    }

    /// @dev One word: the top 240 bits of the seal, and the seat.
    function _sealAndSeat(bytes32 seal, uint256 seat) private pure returns (uint256) {
        return ((uint256(seal) >> 16) << 16) | seat;
    }
}
