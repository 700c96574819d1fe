/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strongSwan's configuration syntax:
 *
 *   file      := (section | key | include)*
 *   section   := name [":" reference ("," reference)*] "{" file "}"
 *   key       := name "=" word* end-of-line
 *   include   := "include" pattern
 */
%code requires {
#include "conf_parse.h"

typedef void *yyscan_t;
}

%code {
#define YY_TYPEDEF_YY_SCANNER_T
#include "conf_lexer.h"

static void conf_yyerror(YYLTYPE *at, yyscan_t scanner, struct conf_parse *p, const char *what);
}

%define api.pure full
%define api.prefix {conf_yy}
%define parse.error detailed
%define parse.lac full
%locations
%param { yyscan_t scanner }
%parse-param { struct conf_parse *p }

/* The names that flex knows these types by. */
%code provides {
#define YYSTYPE CONF_YYSTYPE
#define YYLTYPE CONF_YYLTYPE
}

%union {
	const char *text;
}

%token YYEOF 0 "the end of the file"
%token <text> NAME "a name"
%token <text> WORD "a value"
%token <text> PATH "an include"
%token END_OF_VALUE "the end of the value"
%token QUOTE "a quoted string (names are not quoted)"
%token OPEN_QUOTE "the end of the file within a quoted string"
%token STRAY "a character that a name cannot have"
%type <text> words

%%

file:
	%empty
	| file statement
	;

statement:
	key
	| section
	| PATH                { conf_parse_include(p, $1, @1.first_line); }
	;

key:
	NAME '=' END_OF_VALUE         { conf_parse_key(p, $1, NULL, @1.first_line); }
	| NAME '=' words END_OF_VALUE { conf_parse_key(p, $1, $3, @1.first_line); }
	;

words:
	WORD
	| words WORD          { $$ = conf_parse_join(p, $1, $2); }
	;

section:
	open references '{' file '}'  { conf_parse_close_section(p); }
	| open '{' file '}'           { conf_parse_close_section(p); }
	;

open:
	NAME                  { conf_parse_open_section(p, $1, @1.first_line); }
	;

references:
	':' reference
	| references ',' reference
	;

reference:
	NAME                  { conf_parse_refer(p, $1, @1.first_line); }
	;

%%

static void
conf_yyerror(YYLTYPE *at, yyscan_t scanner, struct conf_parse *p, const char *what)
{
	(void)scanner;
	conf_parse_fail(p, at->first_line, what);
}
