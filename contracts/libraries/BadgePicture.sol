// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IBadges} from "../interfaces/IBadges.sol";

/// @notice Metadata of a badge, picture included: all from its number, nothing fetched from anywhere.
library BadgePicture {
    /// @notice JSON as ERC-721 wants it, in a data URI.
    function uri(uint256 tokenId) internal pure returns (string memory) {
        (string memory word, string memory colour, string memory what) = _look(IBadges.Badge(tokenId >> 248));
        string memory task = Strings.toHexString((tokenId >> 160) & type(uint88).max, 11);
        string memory account = Strings.toHexString(uint256(uint160(tokenId)), 20);
        bytes memory json = abi.encodePacked(
            '{"name":"Quorate ',
            word,
            '","description":"',
            what,
            '","attributes":[{"trait_type":"badge","value":"',
            word,
            '"},{"trait_type":"task","value":"',
            task,
            '"},{"trait_type":"account","value":"',
            account,
            '"}],"image":"data:image/svg+xml;base64,',
            Base64.encode(_svg(word, colour, task, account)),
            '"}'
        );
        return string.concat("data:application/json;base64,", Base64.encode(json));
    }

    function _svg(
        string memory word,
        string memory colour,
        string memory task,
        string memory account
    ) private pure returns (bytes memory) {
        return
            abi.encodePacked(
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 320"><rect width="320" height="320" rx="24" fill="',
                colour,
                '"/><circle cx="160" cy="128" r="84" fill="none" stroke="#fff" stroke-width="6"/>',
                '<g fill="#fff" text-anchor="middle" font-family="monospace"><text x="160" y="137" font-size="28">',
                word,
                '</text><text x="160" y="254" font-size="14">task ',
                task,
                '</text><text x="160" y="282" font-size="11">',
                account,
                "</text></g></svg>"
            );
    }

    function _look(
        IBadges.Badge badge
    ) private pure returns (string memory word, string memory colour, string memory what) {
        if (badge == IBadges.Badge.Part) return ("PART", "#4c5f7a", "Opened a model in a task.");
        if (badge == IBadges.Badge.Accepted) return ("ACCEPTED", "#1f7a4d", "Its model was accepted by the committee.");
        if (badge == IBadges.Badge.Lowest) return ("LOWEST", "#8a5a00", "Lowest loss of a round: its model became the head.");
        if (badge == IBadges.Badge.Teacher) return ("TEACHER", "#6b3fa0", "Taught the head new classes.");
        return ("VERIFIER", "#0b6e8a", "Opened a ballot on the models of a task.");
    }
}
