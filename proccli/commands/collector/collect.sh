#!/bin/sh
PROCCLI=0
