// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Quorate} from "./Quorate.sol";
import {IBallots} from "./interfaces/IBallots.sol";
import {IEscrow} from "./interfaces/IEscrow.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {IMembership} from "./interfaces/IMembership.sol";
import {ITaskBoard} from "./interfaces/ITaskBoard.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {GrownTree} from "./libraries/GrownTree.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {PlacedTree} from "./libraries/PlacedTree.sol";
import {Tally} from "./libraries/Tally.sol";
import {DrawWord} from "./types/DrawWord.sol";
import {LineageId, LineageIds, LineageTerms} from "./types/LineageId.sol";
import {Phase} from "./types/Phase.sol";
import {Submission, SubmissionWords} from "./types/Submission.sol";
import {TaskId, TaskKey} from "./types/TaskId.sol";

/// @title Stages improve and extend
/// @notice Holds the prizes of its lineages and nothing else; no owner, no proxy, no upgrade.
contract Lineage is ILineage, ReentrancyGuardTransient {
    using GrownTree for GrownTree.Frontier;
    using LineageIds for LineageTerms;

    uint256 private constant MAFR_PPM = 500_000; // a round's score is a verdict: from here on it says "take this one"

    struct Taught {
        address teacher;
        uint16 indexPlusOne;
        uint16 head; // that it was taught with
    }

    Quorate public immutable board;
    IMembership private immutable _membership;

    mapping(LineageId lineage => Line) private _lines;
    mapping(LineageId lineage => mapping(uint256 number => Head)) private _heads;
    mapping(LineageId lineage => mapping(bytes32 name => Taught)) private _classes;
    mapping(TaskId task => Round) private _rounds;
    mapping(TaskId task => mapping(address contributor => bytes32)) private _declared;
    mapping(TaskId task => mapping(address verifier => bool)) private _doubted;
    mapping(TaskId task => uint256) private _doubts;

    constructor(Quorate board_) {
        board = board_;
        _membership = board_.membership();
    }

    /// @inheritdoc ILineage
    function lineageStart(
        LineageTerms calldata terms,
        Class[] calldata classes
    ) external payable returns (LineageId lineage) {
        if (msg.sender != terms.initiator) revert ITaskBoard.NotInitiator(msg.sender, terms.initiator);
        _checkTerms(terms);
        uint256 prizesWei = uint256(terms.prizeWei) * terms.roundsMax;
        if (msg.value != prizesWei) revert PrizesMismatch(msg.value, prizesWei);
        lineage = terms.toId();
        Line storage line = _lines[lineage];
        if (line.started) revert LineageExists(lineage);
        _checkClasses(classes, Bounds.MAX_FIRST_CLASSES);
        // cast: 96 bits times 16
        (line.potWei, line.heads, line.started) = (uint112(prizesWei), 1, true);
        line.challengeSeconds = terms.challengeSeconds;
        Head storage first = _heads[lineage][0];
        (first.tensors, first.tensorCount, first.scorePpm) = (terms.tensors, terms.tensorCount, terms.scorePpm);
        first.classes = uint16(classes.length); // cast: at most MAX_FIRST_CLASSES
        emit LineageStarted(lineage, msg.sender, terms, classes);
        _teach(lineage, 0, msg.sender, 0, classes);
    }

    /// @inheritdoc ILineage
    function roundOpen(LineageTerms calldata terms, Kind kind, TaskKey calldata key) external returns (TaskId task) {
        if (msg.sender != terms.initiator) revert ITaskBoard.NotInitiator(msg.sender, terms.initiator);
        LineageId lineage = terms.toId();
        Line memory line = _known(lineage);
        if (line.ended) revert LineageEnded(lineage);
        if (line.open) revert RoundIsOpen(line.round);
        if (line.rounds >= terms.roundsMax) revert RoundsUsedUp(terms.roundsMax);
        _checkHead(terms, lineage, kind, line);
        task = _checkTask(terms, key);
        Round storage round = _rounds[task];
        if (round.state != State.None) revert RoundExists(task);
        round.lineage = lineage;
        (round.prizeWei, round.parent, round.kind, round.state) = (terms.prizeWei, line.head, kind, State.Open);
        (_lines[lineage].rounds, _lines[lineage].open) = (line.rounds + 1, true);
        _lines[lineage].round = task;
        emit RoundOpened(lineage, task, kind, line.head);
    }

    /// @inheritdoc ILineage
    function declare(TaskId task, Growth calldata growth) external {
        _checkGrowth(growth);
        // who has opened a model finds the task in phase Open or later; one that lapsed makes no head
        if (board.wordOf(task).isDrawn()) revert ITaskBoard.WrongPhase(task, board.phaseOf(task), Phase.Open);
        if (board.submissionOf(task, msg.sender).state() != SubmissionWords.OPENED) {
            revert ModelNotOpened(task, msg.sender);
        }
        mapping(address contributor => bytes32) storage declared = _declared[task];
        if (declared[msg.sender] != 0) revert AlreadyDeclared(task, msg.sender);
        bytes memory encoded = abi.encode(growth);
        declared[msg.sender] = keccak256(encoded);
        bytes32 topic = Declared.selector;
        assembly ("memory-safe") {
            // emit Declared(task, msg.sender, growth), whose data are the bytes that were hashed
            log3(add(encoded, 32), mload(encoded), topic, task, caller())
        }
    }

    /// @inheritdoc ILineage
    function extend(
        TaskId task,
        address[] calldata contributors,
        Growth[] calldata growths,
        Merge calldata merge
    ) external {
        Round memory round = _openRound(task);
        Line memory line = _lines[round.lineage];
        if (line.ended) revert LineageEnded(round.lineage);
        if (line.head != round.parent) revert HeadMoved(round.parent, line.head);
        Phase phase = board.phaseOf(task);
        if (phase != Phase.Settled) revert ITaskBoard.WrongPhase(task, phase, Phase.Settled);
        Head memory parent = _heads[round.lineage][round.parent];
        (uint256 accepted, uint256 number) = _accepted(task);
        _takeModels(task, round, parent, contributors, growths);
        uint256 expected = accepted & ~uint256(round.cheats);
        if (round.taken == 0 || round.taken != expected) revert AcceptedMismatch(round.taken, expected);
        if (round.kind == Kind.Improve && growths.length != 1) revert ImproveTakesOne(growths.length);

        Head memory head = _newHead(task, round, line, parent, growths);
        (head.tensors, head.tensorCount) = _grown(parent.tensorCount, growths, merge);
        (round.head, round.accepted, round.state) = (line.heads, uint8(number), State.Taken); // cast: at most MAX_MODELS
        line.potWei -= uint112(growths.length * Payouts.share(round.prizeWei, number)); // cast: at most prizeWei
        (line.head, line.heads, line.idle, line.open) = (line.heads, line.heads + 1, 0, false);
        _lines[round.lineage] = line;
        _heads[round.lineage][round.head] = head;
        _rounds[task] = round;
        emit HeadAdvanced(round.lineage, task, round.head, contributors, head);
        _teachAll(round.lineage, round.head, parent.classes, contributors, growths);
    }

    /// @inheritdoc ILineage
    function roundClose(TaskId task) external {
        Round memory round = _openRound(task);
        Phase phase = board.phaseOf(task);
        if (phase < Phase.Settled) revert IEscrow.NotOver(task);
        Line storage line = _lines[round.lineage];
        if (phase == Phase.Settled && !line.ended && line.head == round.parent) {
            (uint256 accepted, ) = _accepted(task);
            uint256 untilS = _graceEndsAtS(task, round, line.challengeSeconds);
            if (accepted & ~uint256(round.cheats) != 0 && block.timestamp < untilS) revert RoundPending(task, untilS);
        }
        line.open = false;
        if (line.idle != type(uint8).max) ++line.idle;
        _rounds[task].state = State.Closed;
        emit RoundClosed(round.lineage, task);
    }

    /// @inheritdoc ILineage
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
    ) external nonReentrant {
        Round memory round = _rounds[task];
        LineageId lineage = round.lineage;
        uint256 bit = _takenBit(task, round, contributor);
        uint256 endsAtS = _heads[lineage][round.head].challengeEndsAtS;
        if (block.timestamp >= endsAtS) revert ChallengeOver(task, endsAtS);
        _requireDeclared(task, contributor, growth);
        Head storage parent = _heads[lineage][round.parent];
        if (
            round.kind != Kind.Extend ||
            oldLeaf == newLeaf ||
            !PlacedTree.holds(parent.tensors, parent.tensorCount, place, oldLeaf, oldProof) ||
            !PlacedTree.holds(growth.tensors, growth.tensorCount, place, newLeaf, newProof)
        ) revert FraudUnproven(task, contributor, place);
        uint256 shareWei = Payouts.share(round.prizeWei, round.accepted);
        uint256 rewardWei = shareWei / 2;
        Line storage line = _lines[lineage];
        line.potWei += uint112(_count(round.taken) * shareWei - rewardWei); // cast: at most prizeWei
        line.open = true;
        (round.taken, round.teachers, round.state) = (0, 0, State.Open);
        round.cheats |= uint24(bit); // cast: below 2^21
        _rounds[task] = round;
        emit Overturned(lineage, task, contributor, msg.sender, place, rewardWei);
        _fall(lineage, line);
        _pay(to, rewardWei);
    }

    /// @inheritdoc ILineage
    function doubt(TaskId task, uint256 seat) external {
        Round memory round = _openRound(task);
        LineageId lineage = round.lineage;
        Line storage line = _lines[lineage];
        if (line.ended) revert LineageEnded(lineage);
        if (line.head != round.parent) revert HeadMoved(round.parent, line.head);
        Phase phase = board.phaseOf(task);
        if (phase != Phase.Vote && phase != Phase.Ballot) revert ITaskBoard.WrongPhase(task, phase, Phase.Vote);
        DrawWord drawn = board.wordOf(task).drawn();
        if (_membership.memberAt(drawn.roster(), seat) != msg.sender) revert IBallots.NotSeated(seat, msg.sender);
        // slither-disable-next-line unused-return: the place does not matter
        (bool isDrawn, ) = board.isDrawn(task, seat);
        if (!isDrawn) revert IBallots.NotDrawn(seat);
        if (board.submissionOf(task, msg.sender).state() > SubmissionWords.SEALED) {
            revert IBallots.VerifierIsContributor(msg.sender);
        }
        if (_doubted[task][msg.sender]) revert AlreadyDoubted(task, msg.sender);
        _doubted[task][msg.sender] = true;
        uint256 doubts = ++_doubts[task];
        emit Doubted(lineage, task, msg.sender, round.parent);
        if (Tally.accepted(doubts, drawn.committee())) _fall(lineage, line);
    }

    /// @inheritdoc ILineage
    function prizeWithdraw(TaskId task, address payable to) external nonReentrant returns (uint256 amountWei) {
        Round memory round = _rounds[task];
        uint256 bit = _takenBit(task, round, msg.sender);
        uint256 endsAtS = _heads[round.lineage][round.head].challengeEndsAtS;
        if (block.timestamp < endsAtS) revert ChallengeOpen(round.lineage, endsAtS);
        amountWei = Payouts.share(round.prizeWei, round.accepted);
        if (round.paid & bit != 0 || amountWei == 0) revert IEscrow.NothingOwed(task, msg.sender);
        _rounds[task].paid = round.paid | uint24(bit); // cast: below 2^21
        emit PrizePaid(round.lineage, task, msg.sender, to, amountWei);
        _pay(to, amountWei);
    }

    /// @inheritdoc ILineage
    function lineageEnd(
        LineageTerms calldata terms,
        address payable to
    ) external nonReentrant returns (uint256 amountWei) {
        if (msg.sender != terms.initiator) revert ITaskBoard.NotInitiator(msg.sender, terms.initiator);
        LineageId lineage = terms.toId();
        Line memory line = _known(lineage);
        if (line.open) revert RoundIsOpen(line.round);
        uint256 endsAtS = _heads[lineage][line.head].challengeEndsAtS;
        if (block.timestamp < endsAtS) revert ChallengeOpen(lineage, endsAtS);
        amountWei = line.potWei;
        if (line.ended && amountWei == 0) revert LineageEnded(lineage);
        (_lines[lineage].potWei, _lines[lineage].ended) = (0, true);
        emit LineageClosed(lineage, to, amountWei);
        _pay(to, amountWei);
    }

    /// @inheritdoc ILineage
    function lineageId(LineageTerms calldata terms) external view returns (LineageId) {
        return terms.toId();
    }

    /// @inheritdoc ILineage
    function lineageOf(LineageId lineage) external view returns (Line memory line, Head memory head) {
        line = _known(lineage);
        head = _heads[lineage][line.head];
    }

    /// @inheritdoc ILineage
    function headOf(LineageId lineage, uint256 number) external view returns (Head memory) {
        return _heads[lineage][number];
    }

    /// @inheritdoc ILineage
    function roundOf(TaskId task) external view returns (Round memory) {
        return _rounds[task];
    }

    /// @inheritdoc ILineage
    function declarationOf(TaskId task, address contributor) external view returns (bytes32) {
        return _declared[task][contributor];
    }

    /// @inheritdoc ILineage
    function classOf(
        LineageId lineage,
        bytes32 name
    ) external view returns (bool known, address teacher, uint256 index, uint256 head) {
        Taught memory class = _classes[lineage][name];
        if (!_isKnown(lineage, class)) return (false, address(0), 0, 0);
        return (true, class.teacher, class.indexPlusOne - 1, class.head);
    }

    /// @inheritdoc ILineage
    function doubtsOf(TaskId task) external view returns (uint256) {
        return _doubts[task];
    }

    function _known(LineageId lineage) private view returns (Line memory line) {
        line = _lines[lineage];
        if (!line.started) revert LineageUnknown(lineage);
    }

    function _openRound(TaskId task) private view returns (Round memory round) {
        round = _rounds[task];
        if (round.state == State.None) revert RoundUnknown(task);
        if (round.state != State.Open) revert RoundNotOpen(task);
    }

    /// @dev Reverts unless the lineage is at a point where a round of this kind may begin.
    function _checkHead(LineageTerms calldata terms, LineageId lineage, Kind kind, Line memory line) private view {
        Head storage head = _heads[lineage][line.head];
        (uint256 scorePpm, uint256 endsAtS) = (head.scorePpm, head.challengeEndsAtS);
        if (block.timestamp < endsAtS) revert ChallengeOpen(lineage, endsAtS);
        if (kind == Kind.Improve) {
            if (scorePpm >= terms.thresholdPpm) revert HeadGoodEnough(scorePpm, terms.thresholdPpm);
            if (line.idle >= terms.idleMax) revert HeadIdle(line.idle, terms.idleMax);
        } else if (kind == Kind.Extend) {
            if (!terms.growable) revert HeadNotGrowable(lineage);
            if (scorePpm < terms.thresholdPpm) revert HeadNotGoodEnough(scorePpm, terms.thresholdPpm);
        } else {
            revert RoundKindUnknown();
        }
    }

    /// @dev Reverts unless the task is one that the lineage promises, and in time.
    function _checkTask(LineageTerms calldata terms, TaskKey calldata key) private view returns (TaskId task) {
        if (key.initiator != terms.initiator) revert RoundTaskUnfit("initiator");
        if (key.pool != terms.pool) revert RoundTaskUnfit("pool");
        if (key.mafrPpm != MAFR_PPM) revert RoundTaskUnfit("mafrPpm");
        if (key.committee < terms.committee) revert RoundTaskUnfit("committee");
        task = board.taskId(key);
        Phase phase = board.phaseOf(task);
        if (phase != Phase.Notice && phase != Phase.Submit) {
            revert ITaskBoard.WrongPhase(task, phase, Phase.Submit);
        }
    }

    function _checkTerms(LineageTerms calldata terms) private pure {
        if (terms.tensorCount == 0) revert LineageTermsInvalid("tensorCount");
        if (terms.scorePpm > Bounds.PPM) revert LineageTermsInvalid("scorePpm");
        if (terms.committee == 0 || terms.committee > Bounds.MAX_POOL) revert LineageTermsInvalid("committee");
        if (terms.roundsMax == 0) revert LineageTermsInvalid("roundsMax");
        if (terms.thresholdPpm > Bounds.PPM) revert LineageTermsInvalid("thresholdPpm");
        if (terms.challengeSeconds < Bounds.MIN_WINDOW || terms.challengeSeconds > Bounds.MAX_WINDOW) {
            revert LineageTermsInvalid("challengeSeconds");
        }
    }

    function _checkGrowth(Growth calldata growth) private pure {
        if (growth.tensorCount == 0) revert GrowthInvalid("tensorCount");
        if (growth.parameters == 0 || growth.parameters > Bounds.MAX_PARAMETERS) revert GrowthInvalid("parameters");
        if (growth.scorePpm > Bounds.PPM) revert GrowthInvalid("scorePpm");
        _checkClasses(growth.classes, Bounds.MAX_NEW_CLASSES);
    }

    function _checkClasses(Class[] calldata classes, uint256 max) private pure {
        if (classes.length > max) revert GrowthInvalid("classes");
        for (uint256 i = 0; i < classes.length; ++i) {
            uint256 rest = uint256(classes[i].name);
            if (rest == 0) revert ClassNameInvalid(classes[i].name);
            for (; rest != 0; rest <<= 8) {
                if (rest >> 248 == 0) revert ClassNameInvalid(classes[i].name); // a zero byte before another
            }
        }
    }

    /// @dev The models that the committee accepted, and their number, of a settled task.
    function _accepted(TaskId task) private view returns (uint256 models, uint256 number) {
        uint256 opened = board.wordOf(task).drawn().models();
        for (uint256 index = 0; index < opened; ++index) {
            // slither-disable-next-line unused-return: the verdict is enough
            (, bool accepted) = board.votesOf(task, index);
            if (!accepted) continue;
            models |= 1 << index;
            ++number;
        }
    }

    /// @dev Notes which models are given, and which of them bring classes. Reverts for one that may not be taken.
    function _takeModels(
        TaskId task,
        Round memory round,
        Head memory parent,
        address[] calldata contributors,
        Growth[] calldata growths
    ) private view {
        if (contributors.length != growths.length) revert AcceptedMismatch(contributors.length, growths.length);
        for (uint256 i = 0; i < growths.length; ++i) {
            _requireDeclared(task, contributors[i], growths[i]);
            uint256 count = growths[i].tensorCount;
            bool teaches = growths[i].classes.length != 0;
            if (round.kind == Kind.Extend ? count <= parent.tensorCount : count < parent.tensorCount) {
                revert GrowthTooSmall(count, parent.tensorCount);
            }
            if (teaches && round.kind == Kind.Improve) revert GrowthInvalid("classes");
            Submission submission = board.submissionOf(task, contributors[i]);
            uint24 bit = uint24(1 << submission.index()); // cast: an index is below MAX_MODELS
            if (bit <= round.taken) revert ModelsUnordered(i); // bits come one by one, each above all before
            round.taken |= bit;
            if (teaches) round.teachers |= bit;
        }
    }

    function _newHead(
        TaskId task,
        Round memory round,
        Line memory line,
        Head memory parent,
        Growth[] calldata growths
    ) private view returns (Head memory head) {
        (head.task, head.parent, head.idleBefore) = (task, round.parent, line.idle);
        head.challengeEndsAtS = uint40(block.timestamp + line.challengeSeconds); // cast: seconds fit for 30,000 years
        (head.classes, head.scorePpm) = (parent.classes, type(uint24).max);
        for (uint256 i = 0; i < growths.length; ++i) {
            head.classes += uint16(growths[i].classes.length); // cast: at most MAX_NEW_CLASSES
            if (growths[i].scorePpm < head.scorePpm) head.scorePpm = growths[i].scorePpm;
        }
    }

    /// @dev Root and size of the first growth's tree with the new leaves of the others behind it.
    function _grown(
        uint256 parentCount,
        Growth[] calldata growths,
        Merge calldata merge
    ) private pure returns (bytes32 root, uint16 count) {
        uint256 more = growths.length - 1;
        (root, count) = (growths[0].tensors, growths[0].tensorCount);
        if (more == 0) return (root, count);
        if (merge.leaves.length != more || merge.proofs.length != more) revert MergeUnproven(0);
        (GrownTree.Frontier memory tree, bool valid) = GrownTree.load(root, count, merge.peaks);
        if (!valid) revert MergeUnproven(0);
        for (uint256 i = 0; i < more; ++i) {
            Growth calldata growth = growths[i + 1];
            bytes32[] calldata leaves = merge.leaves[i];
            if (!_endsWith(growth, parentCount, leaves, merge.proofs[i])) revert MergeUnproven(i + 1);
            for (uint256 k = 0; k < leaves.length; ++k) tree.append(leaves[k]);
        }
        if (tree.count > type(uint16).max) revert GrowthInvalid("tensorCount");
        return (tree.rootOf(), uint16(tree.count));
    }

    /// @dev Whether a growth's tree has `leaves` from the head's last one on.
    function _endsWith(
        Growth calldata growth,
        uint256 parentCount,
        bytes32[] calldata leaves,
        bytes32[] calldata proof
    ) private pure returns (bool) {
        uint256 added = growth.tensorCount - parentCount;
        if (leaves.length != added) return false;
        uint256[] memory places = new uint256[](added);
        for (uint256 i = 0; i < added; ++i) places[i] = parentCount + i;
        return PlacedTree.verify(growth.tensors, growth.tensorCount, places, leaves, proof);
    }

    function _teachAll(
        LineageId lineage,
        uint16 head,
        uint256 known,
        address[] calldata contributors,
        Growth[] calldata growths
    ) private {
        for (uint256 i = 0; i < growths.length; ++i) {
            _teach(lineage, head, contributors[i], known, growths[i].classes);
            known += growths[i].classes.length;
        }
    }

    /// @dev Puts classes behind the `known` ones.
    function _teach(
        LineageId lineage,
        uint16 head,
        address teacher,
        uint256 known,
        Class[] calldata classes
    ) private {
        for (uint256 i = 0; i < classes.length; ++i) {
            bytes32 name = classes[i].name;
            if (_isKnown(lineage, _classes[lineage][name])) revert ClassExists(name);
            uint256 index = known + i;
            _classes[lineage][name] = Taught(teacher, uint16(index + 1), head); // cast: a head's classes are 16 bits
            emit ClassTaught(lineage, index, name, classes[i].labelSpec, teacher, head);
        }
    }

    /// @dev What was taught with a head that fell is not known any more.
    function _isKnown(LineageId lineage, Taught memory class) private view returns (bool) {
        return class.indexPlusOne != 0 && !_heads[lineage][class.head].fallen;
    }

    function _requireDeclared(TaskId task, address contributor, Growth calldata growth) private view {
        bytes32 declared = _declared[task][contributor];
        if (declared == 0) revert GrowthUndeclared(task, contributor);
        if (declared != keccak256(abi.encode(growth))) revert GrowthMismatch(task, contributor);
    }

    /// @dev The bit of a contributor whose model was taken.
    function _takenBit(TaskId task, Round memory round, address contributor) private view returns (uint256 bit) {
        Submission submission = board.submissionOf(task, contributor);
        bit = submission.stands() ? 1 << submission.index() : 0;
        if (round.taken & bit == 0) revert IEscrow.NothingOwed(task, contributor);
    }

    /// @dev Until when others may still extend: as long as a challenge lasts, from the settlement or the last overturn's
    /// latest moment on.
    function _graceEndsAtS(TaskId task, Round memory round, uint256 challengeSeconds) private view returns (uint256) {
        uint256 fromS = round.cheats == 0
            ? board.wordOf(task).drawn().ballotEndsAt()
            : _heads[round.lineage][round.head].challengeEndsAtS;
        return fromS + challengeSeconds;
    }

    /// @dev The head before becomes the head again; the first has none before it.
    function _fall(LineageId lineage, Line storage line) private {
        uint16 number = line.head;
        Head storage head = _heads[lineage][number];
        if (number == 0) {
            line.ended = true;
            emit HeadFell(lineage, 0, 0);
            return;
        }
        head.fallen = true;
        (line.head, line.idle) = (head.parent, head.idleBefore);
        emit HeadFell(lineage, number, head.parent);
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) ++count;
    }

    function _pay(address payable to, uint256 amountWei) private {
        if (amountWei == 0) return;
        // slither-disable-next-line arbitrary-send-eth: every caller is owed the amount, and names where it goes
        (bool ok, ) = to.call{value: amountWei}("");
        if (!ok) revert IEscrow.PaymentFailed(to, amountWei);
    }
}
