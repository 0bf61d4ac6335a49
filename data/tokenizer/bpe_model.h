// BpeModel: what the files of a byte-level BPE tokenizer say, checked. The encoder and the writer of files read it, the
// reader of files and the trainer make it.
#pragma once

#include <string>
#include <vector>

#include "data/tokenizer/claimed_vocabulary.h"
#include "data/tokenizer/pair_map.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

struct BpeModel {
  struct Merge {
    TokenId left = 0;
    TokenId right = 0;
    TokenId result = 0;
  };
  std::vector<std::string> tokens;           // by id: the bytes of a token, the text of a special one
  std::vector<Merge> merges;                 // by rank: an earlier one is done first
  std::vector<Tokenizer::Special> specials;  // by id; no text ever encodes to one
  TokenId end_of_text = -1;                  // -1: none
};

// What a file claims, still to be checked.
struct BpeClaims {
  struct Merge {
    std::string left, right;  // in the byte alphabet
    std::string place;        // "merges.txt:17", for messages
  };
  ClaimedVocabulary vocabulary;  // texts in the byte alphabet, or of special tokens
  std::string merges_place;
  std::vector<Merge> merges;
  std::vector<std::string> specials;  // stated to be special
  std::string end_of_text;            // stated; empty: not
};

// Checks: ids are 0 ... N-1, each once; all 256 bytes are there; each merge joins known tokens into a known one, once;
// each token is a byte, made by a merge, or special. Special are the stated tokens, and those that no merge makes and
// whose names look it: <...>, [...], and the fillers "madeupword...". Throws Error naming place, token and id.
BpeModel check_bpe(const BpeClaims& claims);

}  // namespace phalanx::data
