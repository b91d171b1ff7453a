// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bounds} from "../libraries/Bounds.sol";

/// @notice The votes of 48 committee members on 21 models in one word.
///
/// bits   0-47   sealed          one bit a member; cleared again when the member's fee is paid
/// bits  48-95   opened          one bit a member
/// bits  96-221  votes           6 bits a model: members of this panel whose score reached MAFR
/// bits 222-227  openedCount
/// bits 228-248  struck          one bit a model, in a task's first panel only: refused as a copy
/// bit  255      mark            set at the draw, so that the first voter does not pay for a new slot
type Panel is uint256;

using Panels for Panel global;

library Panels {
    Panel internal constant EMPTY = Panel.wrap(1 << 255);

    function isSealed(Panel self, uint256 member) internal pure returns (bool) {
        return Panel.unwrap(self) & (1 << member) != 0;
    }

    function isOpened(Panel self, uint256 member) internal pure returns (bool) {
        unchecked {
            return Panel.unwrap(self) & (1 << (48 + member)) != 0;
        }
    }

    function votes(Panel self, uint256 model) internal pure returns (uint256) {
        unchecked {
            return (Panel.unwrap(self) >> (96 + 6 * model)) & 63;
        }
    }

    function openedCount(Panel self) internal pure returns (uint256) {
        return (Panel.unwrap(self) >> 222) & 63;
    }

    function isStruck(Panel self, uint256 model) internal pure returns (bool) {
        return Panel.unwrap(self) & (1 << (228 + model)) != 0;
    }

    function struckBits(Panel self) internal pure returns (uint256) {
        return (Panel.unwrap(self) >> 228) & ((1 << Bounds.MAX_MODELS) - 1);
    }

    function struckCount(Panel self) internal pure returns (uint256 count) {
        uint256 bits = struckBits(self);
        for (count = 0; bits != 0; ++count) bits &= bits - 1; // at most MAX_MODELS turns
    }

    function withSealed(Panel self, uint256 member) internal pure returns (Panel) {
        return Panel.wrap(Panel.unwrap(self) | (1 << member));
    }

    function withOpened(Panel self, uint256 member) internal pure returns (Panel) {
        unchecked {
            return Panel.wrap((Panel.unwrap(self) | (1 << (48 + member))) + (1 << 222)); // at most 48 times
        }
    }

    /// @param votes_ as in the word: 6 bits a model, each 0 or 1
    function withVotes(Panel self, uint256 votes_) internal pure returns (Panel) {
        unchecked {
            return Panel.wrap(Panel.unwrap(self) + (votes_ << 96)); // at most once a member
        }
    }

    function withStruck(Panel self, uint256 model) internal pure returns (Panel) {
        return Panel.wrap(Panel.unwrap(self) | (1 << (228 + model)));
    }

    /// @notice The member's fee has been paid.
    function withPaid(Panel self, uint256 member) internal pure returns (Panel) {
        return Panel.wrap(Panel.unwrap(self) & ~(1 << member));
    }

    /// @notice The member's part of a forfeited bond has been paid (lapsed tasks have no ballots).
    function withCompensated(Panel self, uint256 member) internal pure returns (Panel) {
        return Panel.wrap(Panel.unwrap(self) | (1 << (48 + member)));
    }
}
