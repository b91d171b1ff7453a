// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TaskId} from "../types/TaskId.sol";

/// @title Badges: what an account did in a task, for good
/// @notice ERC-721 and locked for ever (ERC-5192). The number of a badge is its content: kind (8 bits), the first 88
/// bits of the task's id, account (160 bits). Anyone may claim one for anyone; board and lineages decide.
interface IBadges {
    enum Badge {
        None,
        Part, // opened a model that is no copy, in a task that is over
        Accepted, // its model reached MAFR by majority
        Lowest, // its model had the lowest loss of an improve round and became the head
        Teacher, // its model taught the head classes in an extend round
        Verifier // opened a ballot
    }

    /// @notice ERC-5192: the badge cannot be transferred.
    event Locked(uint256 tokenId);

    error BadgeLocked();
    error BadgeExists(uint256 tokenId);
    error BadgeNotEarned(Badge badge, TaskId task, address account);

    /// @notice Mints the badge to `account`, once.
    /// @param seat of the account in the task's roster, for a Verifier; otherwise not read
    function claim(Badge badge, TaskId task, address account, uint256 seat) external returns (uint256 tokenId);

    /// @notice Whether `claim` with these arguments finds the badge earned, minted or not.
    function isEarned(Badge badge, TaskId task, address account, uint256 seat) external view returns (bool);

    /// @notice ERC-5192: true for every badge.
    function locked(uint256 tokenId) external view returns (bool);

    /// @notice The number that a badge has, minted or not.
    function tokenOf(Badge badge, TaskId task, address account) external pure returns (uint256);
}
