"""Tools of the house for developers: setting up, checking, campaigns. Not part of the distribution."""
