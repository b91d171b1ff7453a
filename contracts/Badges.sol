// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Quorate} from "./Quorate.sol";
import {IBadges} from "./interfaces/IBadges.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {IMembership} from "./interfaces/IMembership.sol";
import {BadgePicture} from "./libraries/BadgePicture.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Phase} from "./types/Phase.sol";
import {Submission} from "./types/Submission.sol";
import {TaskId} from "./types/TaskId.sol";

/// @title What an account did in a task, as tokens that stay where they are
/// @notice No owner, no burn, no transfer. Stores nothing of its own: a badge's number says what it is for.
contract Badges is ERC721, IBadges {
    bytes4 private constant ERC5192 = 0xb45a3c0e; // interface id of `locked`

    Quorate public immutable board;
    ILineage public immutable lineage;
    IMembership private immutable _membership;

    constructor(Quorate board_, ILineage lineage_) ERC721("Quorate badges", "QRB") {
        board = board_;
        lineage = lineage_;
        _membership = board_.membership();
    }

    /// @inheritdoc IBadges
    function claim(Badge badge, TaskId task, address account, uint256 seat) external returns (uint256 tokenId) {
        tokenId = tokenOf(badge, task, account);
        if (_ownerOf(tokenId) != address(0)) revert BadgeExists(tokenId);
        if (!isEarned(badge, task, account, seat)) revert BadgeNotEarned(badge, task, account);
        _mint(account, tokenId);
        emit Locked(tokenId);
    }

    /// @inheritdoc IBadges
    function isEarned(Badge badge, TaskId task, address account, uint256 seat) public view returns (bool) {
        if (badge == Badge.Verifier) return _hasVoted(task, account, seat);
        Submission submission = board.submissionOf(task, account);
        if (!submission.stands()) return false;
        if (badge == Badge.Part) return board.phaseOf(task) >= Phase.Settled;
        if (badge == Badge.Accepted) {
            // slither-disable-next-line unused-return: the verdict is enough
            (, bool accepted) = board.votesOf(task, submission.index());
            return accepted && board.phaseOf(task) == Phase.Settled;
        }
        return _isTaken(badge, task, submission.index());
    }

    /// @inheritdoc IBadges
    function locked(uint256 tokenId) external view returns (bool) {
        _requireOwned(tokenId);
        return true;
    }

    /// @inheritdoc IBadges
    function tokenOf(Badge badge, TaskId task, address account) public pure returns (uint256) {
        uint256 start = uint256(TaskId.unwrap(task)) >> 168; // 88 bits
        return (uint256(badge) << 248) | (start << 160) | uint256(uint160(account));
    }

    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        return BadgePicture.uri(tokenId);
    }

    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == ERC5192 || super.supportsInterface(interfaceId);
    }

    function approve(address, uint256) public virtual override {
        revert BadgeLocked();
    }

    function setApprovalForAll(address, bool) public virtual override {
        revert BadgeLocked();
    }

    /// @dev safeTransferFrom calls this one.
    function transferFrom(address, address, uint256) public virtual override {
        revert BadgeLocked();
    }

    function _hasVoted(TaskId task, address account, uint256 seat) private view returns (bool) {
        (bool drawn, uint256 place) = board.isDrawn(task, seat);
        if (!drawn) return false;
        if (_membership.memberAt(board.wordOf(task).drawn().roster(), seat) != account) return false;
        return board.panelOf(task, place / Bounds.PANEL).isOpened(place % Bounds.PANEL);
    }

    /// @dev Whether a round's head stands, with this model in it, and nobody can overturn it any more.
    function _isTaken(Badge badge, TaskId task, uint256 index) private view returns (bool) {
        ILineage.Round memory round = lineage.roundOf(task);
        bool lowest = badge == Badge.Lowest && round.kind == ILineage.Kind.Improve;
        uint256 models = lowest ? round.taken : badge == Badge.Teacher ? round.teachers : 0;
        if (models & (1 << index) == 0) return false;
        ILineage.Head memory head = lineage.headOf(round.lineage, round.head);
        return !head.fallen && block.timestamp >= head.challengeEndsAtS;
    }
}
