// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Test double: an account with code that does what it is told, and takes ether in a chosen manner.
contract Receiver {
    enum Manner {
        Accept,
        Refuse, // reverts
        EatGas, // never ends
        BombReturn, // returns a megabyte
        BombRevert, // reverts with a megabyte
        Reenter // calls back, and takes the ether whatever came of it
    }

    Manner public manner;
    address public target; // whom it calls back
    bytes public callback;
    uint256 public attempts; // callbacks tried
    uint256 public successes; // callbacks that did not revert
    bytes public lastAnswer;

    /// @notice Calls `to` in this account's name and passes an error on.
    function act(address to, uint256 valueWei, bytes calldata data) external payable returns (bytes memory answer) {
        bool ok;
        (ok, answer) = to.call{value: valueWei}(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    function behave(Manner manner_) external {
        manner = manner_;
    }

    function reenter(address target_, bytes calldata callback_) external {
        manner = Manner.Reenter;
        target = target_;
        callback = callback_;
    }

    receive() external payable {
        if (manner == Manner.Accept) return;
        if (manner == Manner.Refuse) revert("not wanted");
        if (manner == Manner.EatGas) {
            while (true) {}
        }
        if (manner == Manner.BombReturn) {
            assembly {
                return(0, 1000000)
            }
        }
        if (manner == Manner.BombRevert) {
            assembly {
                revert(0, 1000000)
            }
        }
        ++attempts;
        (bool ok, bytes memory answer) = target.call(callback);
        if (ok) ++successes;
        lastAnswer = answer;
    }
}
