#include "model/ops/embedding.h"

#include <gtest/gtest.h>

#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr DType kTypes[] = {DType::f32, DType::bf16};

class Embedding : public EachCpuLevel {};

// N tokens of a vocabulary of V, many of them equal, positions of a window of 5.
struct Case {
  Case(std::int64_t N, std::int64_t V, std::int64_t C, DType dtype)
      : N(N),
        V(V),
        C(C),
        tokens({N}, DType::i32),
        positions({N}, DType::i32),
        token_table(normal_array({V, C}, dtype, 1)),
        position_table(normal_array({5, C}, dtype, 2)),
        y({N, C}, dtype),
        dy(normal_array({N, C}, dtype, 3)),
        dtoken_table({V, C}),
        dposition_table({5, C}) {
    for (std::int64_t n = 0; n < N; ++n) {
      tokens.set(n, static_cast<double>(n * n % V));
      positions.set(n, static_cast<double>(n % 5));
    }
  }
  EmbeddingForward forward() {
    return {y.tensor(), tokens.tensor(), positions.tensor(), token_table.tensor(), position_table.tensor(), {}, {}};
  }
  EmbeddingBackward backward() {
    return {dtoken_table.tensor(), dposition_table.tensor(), dy.tensor(), tokens.tensor(), positions.tensor(), {}, {}};
  }
  [[nodiscard]] std::int64_t token(std::int64_t n) const { return static_cast<std::int64_t>(tokens[n]); }

  std::int64_t N, V, C;
  Array tokens, positions, token_table, position_table, y, dy, dtoken_table, dposition_table;
};

TEST_P(Embedding, ForwardAddsTokenAndPosition) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t C : {1, 31, 33, 96}) {
      Case c(17, 13, C, dtype);
      embedding_forward(exec(), c.forward());
      Doubles want;
      for (std::int64_t i = 0; i < 17 * C; ++i) {
        want.push_back(c.token_table[c.token(i / C) * C + i % C] + c.position_table[i / C % 5 * C + i % C]);
      }
      expect_close(c.y, want, 0.5 * epsilon_of(dtype), 0.0);  // one rounding
    }
  }
}

TEST_P(Embedding, TokenTypesAreAddedAndTheirGradientsSummed) {
  for (const bool given : {true, false}) {  // without types all are 0
    Case c(17, 13, 33, DType::f32);
    Array types({17}, DType::i32);
    for (std::int64_t n = 0; given && n < 17; ++n) types.set(n, static_cast<double>(n / 3 % 2));
    Array table = normal_array({2, 33}, DType::f32, 4), dtable({2, 33});
    EmbeddingForward f = c.forward();
    f.type_table = table.tensor();
    EmbeddingBackward b = c.backward();
    b.dtype_table = dtable.tensor();
    if (given) f.types = b.types = types.tensor();
    embedding_forward(exec(), f);
    embedding_backward(exec(), b);
    Doubles want, gradient(66, 0.0);
    for (std::int64_t i = 0; i < 17 * 33; ++i) {
      const std::int64_t entry = static_cast<std::int64_t>(types[i / 33]) * 33 + i % 33;
      want.push_back(c.token_table[c.token(i / 33) * 33 + i % 33] + c.position_table[i / 33 % 5 * 33 + i % 33] +
                     table[entry]);
      gradient[static_cast<std::size_t>(entry)] += c.dy[i];
    }
    expect_close(c.y, want, epsilon_of(DType::f32), 4.0 * epsilon_of(DType::f32));
    expect_close(dtable, gradient, 0.0, 17.0 * epsilon_of(DType::f32) * largest(gradient));
  }
}

TEST_P(Embedding, PartsOfTheVocabularyAddUpToTheWhole) {
  for (const DType dtype : kTypes) {
    Case whole(23, 12, 33, dtype);
    EmbeddingForward a = whole.forward();
    a.positions = {};
    a.position_table = {};
    embedding_forward(exec(), a);
    Doubles sum(whole.y.values().size(), 0.0);
    for (std::int64_t part = 0; part < 3; ++part) {
      Case c(23, 12, 33, dtype);
      c.y.fill(7.0);  // rows of other parts must be overwritten by zeros
      EmbeddingForward p = c.forward();
      p.token_table = c.token_table.tensor().slice(part * 4, 4);
      p.vocabulary_begin = part * 4;
      p.positions = {};
      p.position_table = {};
      embedding_forward(exec(), p);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += c.y[static_cast<std::int64_t>(i)];
    }
    EXPECT_EQ(sum, whole.y.values());
  }
}

TEST_P(Embedding, TokensOutsideKeepTheirPosition) {
  Case c(4, 13, 20, DType::f32);
  c.tokens.set(2, 1000.0);
  c.tokens.set(3, -1.0);
  embedding_forward(exec(), c.forward());
  for (std::int64_t i = 0; i < 40; ++i) EXPECT_EQ(c.y[40 + i], c.position_table[40 + i]);
}

TEST_P(Embedding, BackwardAddsEveryRowToItsToken) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t C : {1, 31, 33, 200}) {
      Case c(29, 13, C, dtype);
      c.dtoken_table.fill(1.0);  // accumulates
      c.dposition_table.fill(-1.0);
      c.tokens.set(5, 1000.0);  // elsewhere: only its position gets a gradient
      embedding_backward(exec(), c.backward());
      Doubles dtokens(static_cast<std::size_t>(13 * C), 1.0);
      Doubles dpositions(static_cast<std::size_t>(5 * C), -1.0);
      for (std::int64_t i = 0; i < 29 * C; ++i) {
        if (i / C != 5) dtokens[static_cast<std::size_t>(c.token(i / C) * C + i % C)] += c.dy[i];
        dpositions[static_cast<std::size_t>(i / C % 5 * C + i % C)] += c.dy[i];
      }
      // Up to 29 sequential fp32 additions of values of order 3.
      const double error = 29.0 * epsilon_of(DType::f32) * 3.0;
      expect_close(c.dtoken_table, dtokens, 0.0, error);
      expect_close(c.dposition_table, dpositions, 0.0, error);
    }
  }
}

TEST_P(Embedding, BackwardAddsInTokenOrder) {  // (1e8 + 1) - 1e8 = 0 in fp32, another order gives 1
  Array tokens = array_of<std::int32_t>({0, 0, 0}, {3});
  Array dy = array_of<float>({1.0e8F, 1.0F, -1.0e8F}, {3, 1});
  Array dtable({1, 1});
  embedding_backward(exec(), {dtable.tensor(), {}, dy.tensor(), tokens.tensor(), {}, {}, {}});
  EXPECT_EQ(dtable[0], 0.0);
}

TEST_P(Embedding, BitsDoNotDependOnThreads) {
  for (const DType dtype : kTypes) {
    expect_same_bits_for_threads([&] {
      Case c(301, 11, 130, dtype);
      embedding_forward(exec(), c.forward());
      embedding_backward(exec(), c.backward());
      return bytes_of_all(c.y, c.dtoken_table, c.dposition_table);
    });
  }
}

PHALANX_EACH_TABLE(Embedding);

TEST(EmbeddingChecks, ATypeOutsideTheTableIsRefused) {
  const CpuExec cpu;
  Case c(17, 13, 33, DType::f32);
  Array types({17}, DType::i32), table({2, 33});
  types.set(5, 2.0);
  EmbeddingForward f = c.forward();
  f.types = types.tensor();
  f.type_table = table.tensor();
  EXPECT_THROW(embedding_forward(cpu.exec(), f), Error);
}

TEST(EmbeddingChecks, MisuseThrows) {
  const CpuExec cpu;
  Case c(4, 13, 20, DType::f32);
  c.positions.set(3, 5.0);  // one past the table
  EXPECT_THROW(embedding_forward(cpu.exec(), c.forward()), Error);
  EXPECT_THROW(embedding_backward(cpu.exec(), c.backward()), Error);
  c.positions.set(3, -1.0);
  EXPECT_THROW(embedding_forward(cpu.exec(), c.forward()), Error);
  EmbeddingForward alone = c.forward();
  alone.position_table = {};
  EXPECT_THROW(embedding_forward(cpu.exec(), alone), Error);
  Case low(4, 13, 20, DType::bf16);
  EmbeddingForward mixed = c.forward();
  mixed.token_table = low.token_table.tensor();
  EXPECT_THROW(embedding_forward(cpu.exec(), mixed), Error);
}

}  // namespace
}  // namespace phalanx::ops
