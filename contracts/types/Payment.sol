// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice One payment in one word, so that an event can list many of them.
///
/// bits   0-159  payee
/// bits 160-255  amountWei  more than all ether there is
type Payment is uint256;

using Payments for Payment global;

library Payments {
    /// @param amountWei_ at most 2^96 - 1: it comes out of ether that the contract holds
    function pack(address payee_, uint256 amountWei_) internal pure returns (Payment) {
        return Payment.wrap((amountWei_ << 160) | uint160(payee_));
    }

    function payee(Payment self) internal pure returns (address) {
        return address(uint160(Payment.unwrap(self)));
    }

    function amountWei(Payment self) internal pure returns (uint256) {
        return Payment.unwrap(self) >> 160;
    }

    /// @notice Cuts a list off behind its first `count` payments.
    function truncate(Payment[] memory self, uint256 count) internal pure {
        assembly ("memory-safe") {
            mstore(self, count)
        }
    }
}
