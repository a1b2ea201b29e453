package web

import (
	"context"

	"github.com/aditechsphere/fairway/backends/internal/look"
)

// Reference is the description of the API, for people.
type Reference struct {
	Groups []ReferenceGroup
	Types  []ReferenceType
}

// ReferenceGroup is a part of the API.
type ReferenceGroup struct {
	Name, Detail string
	Operations   []ReferenceOperation
}

// ReferenceOperation is one request.
type ReferenceOperation struct {
	ID, Method, Path, Summary, Detail string
	Parameters                        []ReferenceField
	Body, Reply                       string // names of types, "" for none
	Status                            int    // of success
	Failures                          []int
}

// ReferenceType is an object that is sent or received.
type ReferenceType struct {
	Name   string
	Fields []ReferenceField
}

// ReferenceField is a member of an object, or a parameter.
type ReferenceField struct {
	Name, Type, Detail string
	Link               string // name of its type, when that is described too
	Required           bool
}

func (p pages) docs(context.Context) (look.Page, error) {
	return look.Page{
		Title: "Orders API", Description: "Reference of the Orders API.", Heading: "Orders API",
		Lede: "Every request of the API, made of the same table as its router and its OpenAPI document.",
		Body: p.Reference,
	}, nil
}
