// SHA-256: padding and bookkeeping, the compression in portable C++ and in x86 SHA instructions.
#include "core/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace phalanx {
namespace {

// Fractional parts of the cube roots of the first 64 primes.
alignas(16) constexpr std::array<std::uint32_t, 64> kRounds = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2};

// Fractional parts of the square roots of the first eight primes.
constexpr std::array<std::uint32_t, 8> kInitial = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                                   0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};

std::uint32_t load_big_endian(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | std::uint32_t{p[3]};
}

void compress_block(std::uint32_t* state, const std::uint8_t* block) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t t = 0; t < 16; ++t) w[t] = load_big_endian(block + 4 * t);
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
    const std::uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] =
      std::to_array<std::uint32_t>({state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]});
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kRounds[t] + w[t];
    const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const std::uint32_t sums[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] += sums[i];
}

void compress_portable(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) compress_block(state, blocks + 64 * i);
}

#if defined(__x86_64__)
#define PHALANX_SHA_TARGET __attribute__((target("sha,sse4.1,ssse3")))

// The instructions keep the state as (A B E F) and (C D G H), highest lane first.
struct PackedState {
  __m128i abef, cdgh;
};

PHALANX_SHA_TARGET PackedState pack(const std::uint32_t* state) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state + 4));
  const __m128i badc = _mm_shuffle_epi32(low, 0xB1);
  const __m128i hgfe = _mm_shuffle_epi32(high, 0x1B);
  return {_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xF0)};
}

PHALANX_SHA_TARGET void unpack(const PackedState& packed, std::uint32_t* state) {
  const __m128i abef = _mm_shuffle_epi32(packed.abef, 0x1B);
  const __m128i ghcd = _mm_shuffle_epi32(packed.cdgh, 0xB1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(abef, ghcd, 0xF0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(ghcd, abef, 8));
}

PHALANX_SHA_TARGET void compress_sha(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) {
  const __m128i swap = _mm_set_epi64x(0x0C0D0E0F08090A0BLL, 0x0405060700010203LL);
  auto [abef, cdgh] = pack(state);
  for (; count > 0; --count, blocks += 64) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i w[4];  // the last 16 words of the message schedule, a ring of four
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      if (i < 4) {
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks + 16 * i)), swap);
      } else {
        const __m128i recent = _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4);  // w[t-7]
        const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]), recent);
        w[i & 3] = _mm_sha256msg2_epu32(sum, w[(i + 3) & 3]);
      }
      const __m128i k = _mm_load_si128(reinterpret_cast<const __m128i*>(kRounds.data() + 4 * i));
      const __m128i wk = _mm_add_epi32(w[i & 3], k);
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0E));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  unpack({abef, cdgh}, state);
}

#undef PHALANX_SHA_TARGET

bool processor_has_sha() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}
#else
constexpr auto compress_sha = compress_portable;
bool processor_has_sha() { return false; }
#endif

}  // namespace

bool Sha256::accelerated() {
  static const bool has = processor_has_sha();
  return has;
}

Sha256::Sha256() : Sha256(accelerated() ? compress_sha : compress_portable) {}
Sha256::Sha256(Compress compress) : compress_(compress), state_(kInitial) {}
Sha256 Sha256::portable() { return Sha256(compress_portable); }

void Sha256::update(const void* data, std::size_t size) {
  if (size == 0) return;
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  const std::size_t held = bytes_ % kBlock;
  bytes_ += size;
  if (held > 0) {
    const std::size_t part = std::min(size, kBlock - held);
    std::memcpy(pending_.data() + held, bytes, part);
    if (held + part < kBlock) return;
    compress_(state_.data(), pending_.data(), 1);
    bytes += part;
    size -= part;
  }
  compress_(state_.data(), bytes, size / kBlock);
  const std::size_t rest = size % kBlock;
  if (rest > 0) std::memcpy(pending_.data(), bytes + size - rest, rest);
}

std::string Sha256::hex_digest() const {
  Sha256 end = *this;
  const std::uint64_t bits = bytes_ * 8;
  std::array<std::uint8_t, kBlock + 8> padding{0x80};
  const std::size_t zeros_end = kBlock - (bytes_ + 8) % kBlock;  // padding up to the length field
  for (std::size_t i = 0; i < 8; ++i) padding[zeros_end + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
  end.update(padding.data(), zeros_end + 8);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const std::uint32_t word : end.state_) {
    for (int shift = 28; shift >= 0; shift -= 4) hex += kDigits[(word >> shift) & 0xF];
  }
  return hex;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 sha;
  sha.update(bytes);
  return sha.hex_digest();
}

}  // namespace phalanx
