/* SPDX-License-Identifier: MIT */
/* lwIP finds interfaces by the number in their names (port.c). */
#pragma once

int atoi(const char *s);
