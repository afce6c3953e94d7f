// A program: the page's modules without their types, as JSON by name, for site.ts. It has a process of its own since
// what strips types takes 30 MB and stays.
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'

const [, , ...files] = process.argv
const modules = files.map((file) => [file, stripTypeScriptTypes(readFileSync(file, 'utf8'))])
process.stdout.write(JSON.stringify(Object.fromEntries(modules)))
