// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Escrow} from "./Escrow.sol";
import {TaskBoard} from "./TaskBoard.sol";
import {IMembership} from "./interfaces/IMembership.sol";

/// @title Quorate: cooperative deep-learning tasks, from opening to payment
/// @notice One address for the stages task, commit, draw, vote and settle: a hop between contracts would cost every
/// participant 2,600 gas and more (docs/decisions/0001-one-board.md). No owner, no proxy, no upgrade.
contract Quorate is Escrow {
    constructor(
        IMembership membership_,
        uint256 drawDelayBlocks_
    ) TaskBoard(membership_, drawDelayBlocks_) EIP712("Quorate", "1") {}
}
