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
    uint256 private constant EVERY_OTHER = 0x03f03f03f03f03f03f03f03f03f03f03f; // 6 of 12 bits, 11 times

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

    /// @notice Votes of models 0, 2, 4, ..., each in 12 bits, so that those of all panels can be added up at once.
    function evenVotes(Panel self) internal pure returns (uint256) {
        return (Panel.unwrap(self) >> 96) & EVERY_OTHER;
    }

    /// @notice Votes of models 1, 3, 5, ..., as evenVotes.
    function oddVotes(Panel self) internal pure returns (uint256) {
        return (Panel.unwrap(self) >> 102) & (EVERY_OTHER >> 12);
    }

    /// @notice Votes of a model in sums of evenVotes and of oddVotes.
    function votesIn(uint256 even, uint256 odd, uint256 model) internal pure returns (uint256) {
        return ((model & 1 == 0 ? even : odd) >> (12 * (model >> 1))) & 0xfff;
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

    /// @notice Whether the member is owed its fee for an opened ballot; in a lapsed task, which has no ballots, its part
    /// of the bond.
    function owes(Panel self, uint256 member, bool lapsed) internal pure returns (bool) {
        return lapsed ? !isOpened(self, member) : isOpened(self, member) && isSealed(self, member);
    }

    /// @notice The member was paid what it was owed, or (again) was not.
    function withPaid(Panel self, uint256 member, bool lapsed, bool paid) internal pure returns (Panel) {
        uint256 bit = lapsed ? 1 << (48 + member) : 1 << member;
        bool set = lapsed == paid; // a compensated member has its bit of an opened ballot, a paid one lacks that of a seal
        return Panel.wrap(set ? Panel.unwrap(self) | bit : Panel.unwrap(self) & ~bit);
    }
}
