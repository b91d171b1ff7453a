// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Test double: pushes ether into an account that did not ask for it.
contract ForceEther {
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}
