#!/usr/bin/env python3
"""Fine-tunes an exported BERT to classify texts, beside a bag of words: fine_tune.py --model FOLDER --train TSV --test TSV

A TSV file has a label (0 or 1), a tab and a text per line. The last line printed is a JSON object: accuracies on the
test file of the model, of a logistic regression on the words of each text, and of the commonest label.
"""
import argparse
import json
import random
import re

import torch
from transformers import AutoTokenizer, BertForSequenceClassification

WORD = re.compile(r"[a-z]+")


def read_labelled(path):
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t", 1) for line in file]
    return [text for _, text in rows], torch.tensor([int(label) for label, _ in rows])


def batches(ids, size, order):
    """Indices of texts of like length together, in the order of `order` otherwise."""
    for begin in range(0, len(order), 50 * size):
        pool = sorted(order[begin:begin + 50 * size], key=lambda i: len(ids[i]))
        groups = [pool[at:at + size] for at in range(0, len(pool), size)]
        random.shuffle(groups)
        yield from groups


def fine_tune(model, tokenizer, texts, labels, options):
    """Returns the loss of each step."""
    ids = tokenizer(texts, truncation=True)["input_ids"]
    steps = options.epochs * -(-len(texts) // options.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / (0.1 * steps), (steps - s) / (0.9 * steps)))
    losses = []
    model.train()
    for _ in range(options.epochs):
        for batch in batches(ids, options.batch, random.sample(range(len(texts)), len(texts))):
            inputs = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
            loss = model(**inputs, labels=labels[batch]).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            if len(losses) % 100 == 0:
                print(f"step {len(losses)} of {steps}, loss {sum(losses[-100:]) / 100:.4f}", flush=True)
    return losses


def accuracy(model, tokenizer, texts, labels):
    ids = tokenizer(texts, truncation=True)["input_ids"]
    correct = 0
    model.eval()
    with torch.no_grad():
        for batch in batches(ids, 64, list(range(len(texts)))):
            inputs = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
            correct += (model(**inputs).logits.argmax(-1) == labels[batch]).sum().item()
    return correct / len(texts)


def bag_of_words(texts, vocabulary):
    """(texts, vocabulary), sparse: 1 where a text has the word."""
    places = [(row, vocabulary[word]) for row, text in enumerate(texts) for word in sorted(set(WORD.findall(text.lower())))
              if word in vocabulary]
    return torch.sparse_coo_tensor(torch.tensor(places).T, torch.ones(len(places)), (len(texts), len(vocabulary))).coalesce()


def regress(words, labels, penalty):
    """Weights and bias of a logistic regression, by L-BFGS to convergence."""
    weights = torch.zeros(words.shape[1], 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        scores = torch.sparse.mm(words, weights).squeeze(1) + bias
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels.float())
        loss = loss + penalty * (weights ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach(), bias.detach()


def share_right(words, labels, weights, bias):
    scores = torch.sparse.mm(words, weights).squeeze(1) + bias
    return ((scores > 0).long() == labels).float().mean().item()


def bag_of_words_accuracy(train, test):
    """The penalty is the one that is best on a tenth of the training texts, left out for that."""
    texts, labels = train
    found = sorted({word for text in texts for word in WORD.findall(text.lower())})
    vocabulary = {word: i for i, word in enumerate(found)}
    cut = len(texts) // 10
    part, rest = bag_of_words(texts[:cut], vocabulary), bag_of_words(texts[cut:], vocabulary)
    penalty = max((1e-5, 1e-4, 3e-4, 1e-3, 3e-3),
                  key=lambda p: share_right(part, labels[:cut], *regress(rest, labels[cut:], p)))
    fitted = regress(bag_of_words(texts, vocabulary), labels, penalty)
    return share_right(bag_of_words(test[0], vocabulary), test[1], *fitted)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder that phalanx export wrote")
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--output", help="folder for the fine-tuned model")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    options = parser.parse_args()
    torch.manual_seed(1)
    random.seed(1)
    train, test = read_labelled(options.train), read_labelled(options.test)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = BertForSequenceClassification.from_pretrained(options.model, num_labels=2, dtype=torch.float32)
    losses = fine_tune(model, tokenizer, *train, options)
    if options.output:
        model.save_pretrained(options.output)
        tokenizer.save_pretrained(options.output)
    tenth = max(1, len(losses) // 10)
    commonest = train[1].float().mean().round().long()
    print(json.dumps({"first_loss": sum(losses[:tenth]) / tenth, "last_loss": sum(losses[-tenth:]) / tenth,
                      "accuracy": accuracy(model, tokenizer, *test),
                      "bag_of_words_accuracy": bag_of_words_accuracy(train, test),
                      "commonest_label_accuracy": (test[1] == commonest).float().mean().item()}))


if __name__ == "__main__":
    main()
