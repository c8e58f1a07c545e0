#include "table.h"

#include "answers.h"

int8_t table_answer(int8_t code) {
    return answers[code + 128];
}
