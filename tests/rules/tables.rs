//! The tables of an installer, edited by another program's library.

use std::io::Cursor;

use msi::{Delete, Expr, Insert, Package, Select, Update, Value};

/// An installer's tables, open for changes.
pub struct Database(pub Package<Cursor<Vec<u8>>>);

impl Database {
    pub fn set(&mut self, table: &str, (key, row): (&str, &str), column: &str, value: impl Into<Value>) {
        let update = Update::table(table).set(column, value.into()).with(Expr::col(key).eq(Expr::string(row)));
        self.0.update_rows(update).unwrap();
    }

    pub fn delete(&mut self, table: &str, (key, row): (&str, &str)) {
        let before = self.count(table);
        self.0.delete_rows(Delete::from(table).with(Expr::col(key).eq(Expr::string(row)))).unwrap();
        assert!(self.count(table) < before, "{table} has no {row}");
    }

    pub fn insert(&mut self, table: &str, row: Vec<Value>) {
        self.0.insert_rows(Insert::into(table).row(row)).unwrap();
    }

    pub fn count(&mut self, table: &str) -> usize {
        self.0.select_rows(Select::table(table)).unwrap().count()
    }

    /// One cell of the first row that has this value.
    pub fn get(&mut self, table: &str, (key, row): (&str, &str), column: &str) -> String {
        let select = Select::table(table).with(Expr::col(key).eq(Expr::string(row)));
        let row = self.0.select_rows(select).unwrap().next().unwrap();
        row[column].as_str().unwrap().to_owned()
    }

    pub fn first(&mut self, table: &str, column: &str) -> String {
        let row = self.0.select_rows(Select::table(table)).unwrap().next().unwrap();
        row[column].as_str().unwrap().to_owned()
    }

    /// A component without a key path in a folder, in the feature, that creates the folder if told to.
    pub fn component(&mut self, name: &str, folder: &str, is_created: bool, is_featured: bool) {
        let id = "{0B6B1E3D-6E3B-4C53-9D3C-6F2B8E6C9AFF}";
        self.insert("Component", vec![name.into(), id.into(), folder.into(), 0x100.into(), Value::Null, Value::Null]);
        if is_featured {
            let feature = self.first("Feature", "Feature");
            self.insert("FeatureComponents", vec![feature.into(), name.into()]);
        }
        if is_created {
            self.insert("CreateFolder", vec![folder.into(), name.into()]);
        }
    }

    pub fn agent(&mut self) -> String {
        self.first("ServiceInstall", "Component_")
    }
}

/// The file with its tables changed.
pub fn edited(file: &[u8], change: fn(&mut Database)) -> Vec<u8> {
    let mut database = Database(Package::open(Cursor::new(file.to_vec())).unwrap());
    change(&mut database);
    database.0.into_inner().unwrap().into_inner()
}
