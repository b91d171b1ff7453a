// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Who is owed what, in wei. Shares are rounded down; what rounding leaves goes back to the initiator,
/// so that every pot is paid out to the last wei.
library Payouts {
    /// @notice All a task can ever owe.
    function pot(
        uint256 rewardWei,
        uint256 feeWei,
        uint256 committee,
        uint256 bondWei
    ) internal pure returns (uint256) {
        return rewardWei + feeWei * committee + bondWei;
    }

    /// @notice An equal share of `amountWei` among `heads`, 0 when there are none.
    function share(uint256 amountWei, uint256 heads) internal pure returns (uint256) {
        return heads == 0 ? 0 : amountWei / heads;
    }

    /// @notice Parts of a forfeited bond: half to the contributors and half to the verifiers who stood ready,
    /// all of it to the contributors when no roster was drawn.
    function forfeited(
        uint256 bondWei,
        uint256 contributors,
        uint256 verifiers
    ) internal pure returns (uint256 contributorWei, uint256 verifierWei) {
        uint256 toVerifiers = verifiers == 0 ? 0 : bondWei / 2;
        return (share(bondWei - toVerifiers, contributors), share(toVerifiers, verifiers));
    }
}
