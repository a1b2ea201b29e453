package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/aditechsphere/fairway/backends/backup"
	"github.com/aditechsphere/fairway/caddymodule/internal/adminapi"
)

// handleBackup copies the databases of the data folder to a new folder.
func handleBackup(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return adminapi.MethodNotAllowed(w, "POST")
	}
	app, err := Running()
	if err != nil {
		return err
	}
	var request struct {
		Folder string `json:"folder"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return adminapi.Error(http.StatusBadRequest, fmt.Errorf("reading the request: %w", err))
	}
	if !filepath.IsAbs(request.Folder) {
		return adminapi.Error(http.StatusBadRequest, errors.New("folder must be an absolute path"))
	}
	if app.Postgres() != "" {
		return adminapi.Error(http.StatusConflict, errors.New(
			"the services keep their data in PostgreSQL: back it up with its own tools, such as pg_dump --format=custom"))
	}
	made, err := backup.Write(r.Context(), app.place.folder, filepath.Clean(request.Folder))
	if err != nil {
		return adminapi.Error(http.StatusInternalServerError, err)
	}
	return adminapi.WriteJSON(w, http.StatusCreated, made)
}
