#include "kvserver/sha1.h"

#include <bit>
#include <cstddef>
#include <string>

namespace kv {
namespace {

constexpr size_t kBlock = 64;
constexpr size_t kLengthBytes = 8;

using State = std::array<uint32_t, 5>;

void AddBlock(std::string_view block, State& state) {
  std::array<uint32_t, 80> words;
  for (size_t i = 0; i < 16; ++i) {
    words[i] = 0;
    for (const char c : block.substr(4 * i, 4)) {
      words[i] = words[i] << 8 | static_cast<unsigned char>(c);
    }
  }
  for (size_t i = 16; i < words.size(); ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }

  auto [a, b, c, d, e] = state;
  for (size_t i = 0; i < words.size(); ++i) {
    uint32_t mixed = 0;
    if (i < 20) {
      mixed = ((b & c) | (~b & d)) + 0x5a827999;
    } else if (i < 40) {
      mixed = (b ^ c ^ d) + 0x6ed9eba1;
    } else if (i < 60) {
      mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    } else {
      mixed = (b ^ c ^ d) + 0xca62c1d6;
    }
    mixed += std::rotl(a, 5) + e + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = mixed;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

}  // namespace

Sha1Digest Sha1(std::string_view bytes) {
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  for (; bytes.size() >= kBlock; bytes.remove_prefix(kBlock)) {
    AddBlock(bytes.substr(0, kBlock), state);
  }
  // The rest, a one bit, zeros, and the length, highest byte first.
  std::string last(bytes);
  last += '\x80';
  while (last.size() % kBlock != kBlock - kLengthBytes) last += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) last += static_cast<char>(bits >> shift & 0xff);
  for (size_t at = 0; at < last.size(); at += kBlock) {
    AddBlock(std::string_view(last).substr(at, kBlock), state);
  }

  Sha1Digest digest;
  for (size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

}  // namespace kv
