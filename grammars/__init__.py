"""The grammar of the language, and lark's parser of it, stored."""
