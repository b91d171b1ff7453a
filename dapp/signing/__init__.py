"""What a user is asked to sign, in words: decoded from the very bytes that are signed."""
